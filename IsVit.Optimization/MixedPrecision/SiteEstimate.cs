using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>What is summed up over images for one site: the outputs' squared changes to first order, and the errors of its own numbers, for each bit width.</summary>
/// <param name="binding">The site, with a ladder for a quantizer.</param>
internal sealed class SiteEstimate(SiteBinding binding) : IDisposable
{
    private readonly Dictionary<int, (double Change, double Error)> _sums = [];
    private int _terms;
    private long _count;

    public SiteBinding Binding => binding;

    /// <summary>The site's numbers in the last forward, as a tensor that others depend on.</summary>
    public Tensor? Numbers { get; private set; }

    /// <summary>How many numbers the site had in the last forward.</summary>
    public long Elements { get; private set; }

    /// <summary>Keeps a site's numbers and lets them pass.</summary>
    public Tensor Witness(Tensor x)
    {
        // Weights, and what does not depend on the images, must be asked for as variables of their own.
        var numbers = x.requires_grad && !x.is_leaf ? x.alias() : x.detach().requires_grad_(true);
        Numbers?.Dispose();
        Numbers = numbers.DetachFromDisposeScope();
        Elements = numbers.numel();
        return numbers.alias();
    }

    /// <summary>Adds an image.</summary>
    /// <param name="derivatives">Of random combinations of the outputs, by <see cref="Numbers"/>; null where nothing depends on them.</param>
    public void Add(IReadOnlyList<Tensor?> derivatives)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var ladder = (QuantizerLadder)binding.Quantizer;
        var numbers = Numbers!.detach();
        var rows = derivatives.OfType<Tensor>().Select(static derivative => derivative.flatten()).ToList();
        var stacked = rows.Count > 0 ? stack(rows) : null;
        foreach (var bits in ladder.Widths)
        {
            var errors = ladder.At(bits).FakeQuantize(numbers) - numbers;
            var change = stacked?.mv(errors.flatten()).to(float64).Squared().sum().item<double>() ?? 0;
            var (before, error) = _sums.GetValueOrDefault(bits);
            _sums[bits] = (before + change, error + errors.Squared().mean().to(float64).item<double>());
        }

        _terms += derivatives.Count;
        _count++;
    }

    /// <summary>The mean over images and draws.</summary>
    public double Change(int bits) => _sums[bits].Change / _terms;

    /// <summary>The mean squared error of the site's numbers.</summary>
    public double Error(int bits) => _sums[bits].Error / _count;

    /// <summary>Makes ready for the next forward.</summary>
    public void Forget()
    {
        Numbers?.Dispose();
        Numbers = null;
    }

    public void Dispose() => Forget();
}

using IsVit.Core.Arithmetic;
using IsVit.Core.Quantization;
using IsVit.Model.Statistics;
using static TorchSharp.torch;

namespace IsVit.Optimization.Drift;

/// <summary>Counts and moments of what one quantizer read; those of several tensors add up.</summary>
internal sealed class ActivationSums(int codeCount)
{
    private double _mean;
    private double _squares;
    private long _low;
    private long _high;

    /// <summary>The elements seen.</summary>
    public long Count { get; private set; }

    /// <summary>How many of them each code stands for.</summary>
    public long[] Codes { get; } = new long[codeCount];

    /// <summary>Adds a tensor's elements.</summary>
    public void Add(IQuantizer quantizer, Tensor x)
    {
        if (x.numel() == 0)
        {
            return;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var values = x.detach().contiguous();
        var counts = bincount(quantizer.Quantize(values).reshape(-1), minlength: Codes.Length).cpu().data<long>();
        var wide = values.dtype == ScalarType.Float64 ? values : values.to(ScalarType.Float32);
        var mean = wide.mean();
        var deviations = wide.sub(mean);
        var sums = new ActivationSums(Codes.Length)
        {
            Count = x.numel(),
            _mean = mean.to(ScalarType.Float64).item<double>(),
            _squares = x.numel() * deviations.mul_(deviations).mean().to(ScalarType.Float64).item<double>(),
        };
        for (var code = 0; code < Codes.Length; code++)
        {
            sums.Codes[code] = counts[code];
        }

        (sums._low, sums._high) = Clipped(quantizer, values);
        Add(sums);
    }

    /// <summary>Adds another sum.</summary>
    public void Add(ActivationSums other)
    {
        var count = Count + other.Count;
        if (other.Count == 0)
        {
            return;
        }

        var difference = other._mean - _mean;
        _mean += difference * other.Count / count;
        _squares += other._squares + (difference * difference * Count * other.Count / count);
        Count = count;
        _low += other._low;
        _high += other._high;
        for (var code = 0; code < Codes.Length; code++)
        {
            Codes[code] += other.Codes[code];
        }
    }

    /// <summary>The share of elements that each code stands for.</summary>
    public double[] Shares() => Array.ConvertAll(Codes, Share);

    /// <summary>The shares of elements below, within and above the quantizer's range.</summary>
    public double[] ClippedShares() => [Share(_low), Share(Count - _low - _high), Share(_high)];

    public ActivationStatistics ToStatistics() =>
        new(_mean, Count == 0 ? 0 : Math.Sqrt(_squares / Count), Share(_low), Share(_high), Array.ConvertAll(Codes, count => (float)Share(count)));

    // Clamping passes no gradient, rounding does: that is the one thing by which every quantizer tells where its range ends.
    private static (long Low, long High) Clipped(IQuantizer quantizer, Tensor x)
    {
        using var withGrad = enable_grad();
        var leaf = x.detach().requires_grad_(true);
        var quantized = quantizer.FakeQuantize(leaf);
        if (!quantized.requires_grad)
        {
            return (0, 0);
        }

        var gradient = Derivatives.Of(quantized.sum(), [leaf])[0]!;
        using var noGrad = no_grad();

        // Few elements are clipped: finding them costs less than comparing all.
        var clipped = gradient.logical_not().reshape(-1).nonzero().squeeze(1);
        var (from, to) = (x.reshape(-1).index_select(0, clipped), quantized.reshape(-1).index_select(0, clipped));
        return (to.gt(from).sum().item<long>(), to.lt(from).sum().item<long>());
    }

    private double Share(long number) => Count == 0 ? 0 : (double)number / Count;
}

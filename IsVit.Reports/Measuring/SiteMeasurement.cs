using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Reports.Contents;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>The numbers at each site and what its quantizer makes of them.</summary>
internal sealed class SiteMeasurement
{
    // Of a site, from all batches; taken evenly.
    private const int MostNumbers = 1 << 18;

    private readonly SiteBinding _binding;
    private readonly List<Tensor> _numbers = [];
    private readonly int _mostOfCall;
    private (double Error, double Square) _sums;

    private SiteMeasurement(SiteBinding binding, int calls)
    {
        _binding = binding;
        _mostOfCall = Math.Max(1024, MostNumbers / calls);
    }

    /// <summary>Looks at all sites that are quantized.</summary>
    /// <param name="attachment">The model with its quantizers; it is not changed.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="bins">The intervals of a histogram.</param>
    public static IReadOnlyList<SiteReport> Measure(GraphAttachment attachment, IReadOnlyList<SampleBatch> samples, int bins)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var read = attachment.Bindings.Where(static binding => !binding.IsWeight && binding.State == SiteState.Quantized).ToDictionary(static binding => binding, binding => new SiteMeasurement(binding, samples.Count));
        try
        {
            foreach (var (binding, site) in read)
            {
                binding.Reader = site.Read;
            }

            foreach (var batch in samples)
            {
                using var inner = NewDisposeScope();
                attachment.Graph.Forward.Run(batch);
            }
        }
        finally
        {
            foreach (var binding in read.Keys)
            {
                binding.Reader = null;
            }
        }

        var reports = new List<SiteReport>();
        foreach (var binding in attachment.Bindings)
        {
            using var inner = NewDisposeScope();
            if (binding.IsWeight)
            {
                var weight = SiteWeights.Get(attachment.Graph, binding.Site).detach().flatten();
                reports.Add(Report(binding, weight, bins));
            }
            else if (read.TryGetValue(binding, out var site) && site._numbers.Count > 0)
            {
                reports.Add(site.Report(bins));
            }
        }

        return reports;
    }

    private static bool IsPerTensor(SiteBinding binding) => binding.Quantizer.Granularity == Granularity.Tensor;

    private void Read(Tensor x)
    {
        using var scope = NewDisposeScope();
        var quantized = _binding.Quantizer.FakeQuantize(x);
        _sums.Error += (quantized - x).to(float64).Squared().sum().item<double>();
        _sums.Square += x.to(float64).Squared().sum().item<double>();
        var numbers = x.flatten();
        var step = Math.Max(1, numbers.numel() / _mostOfCall);
        _numbers.Add((step == 1 ? numbers.clone() : numbers[TensorIndex.Slice(0, null, step)].clone()).DetachFromDisposeScope());
    }

    private SiteReport Report(int bins)
    {
        using var scope = NewDisposeScope();
        var numbers = cat(_numbers);
        _numbers.ForEach(static tensor => tensor.Dispose());
        var report = Report(_binding, numbers, bins) with { RelativeError = _sums.Square > 0 ? _sums.Error / _sums.Square : 0 };
        if (!IsPerTensor(_binding))
        {
            return report;
        }

        var (levels, _, counts) = _binding.Quantizer.FakeQuantize(numbers).unique(sorted: true, return_inverse: false, return_counts: true);
        double[] values = [.. levels.to(float64).cpu().data<double>()];
        double[] shares = [.. counts!.to(float64).cpu().data<double>().Select(count => count / numbers.numel())];
        if (values.Length < 2)
        {
            return report with { Levels = values, LevelShares = shares, ClippedShare = 0 };
        }

        using var low = (values[0] - ((values[1] - values[0]) / 2)).ToScalar();
        using var high = (values[^1] + ((values[^1] - values[^2]) / 2)).ToScalar();
        var clipped = numbers.lt(low).sum().item<long>() + numbers.gt(high).sum().item<long>();
        return report with { Levels = values, LevelShares = shares, ClippedShare = (double)clipped / numbers.numel() };
    }

    private static SiteReport Report(SiteBinding binding, Tensor numbers, int bins)
    {
        using var scope = NewDisposeScope();
        var values = numbers.to(float32).cpu();
        var (low, high) = (values.min().item<float>(), values.max().item<float>());
        var histogram = new long[bins];
        var width = ((double)high - low) / bins;
        foreach (var value in values.data<float>())
        {
            histogram[width > 0 ? Math.Min(bins - 1, (int)((value - low) / width)) : 0]++;
        }

        return new()
        {
            Site = binding.Site.Id,
            Role = binding.Site.Role.ToString(),
            Scheme = binding.Quantizer.Scheme,
            Bits = binding.Quantizer.Bits.Bits,
            Granularity = binding.Quantizer.Granularity.ToString(),
            Minimum = low,
            Maximum = high,
            Histogram = histogram,
        };
    }
}

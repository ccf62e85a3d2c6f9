using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;

namespace IsVit.Tests.Optimization.MixedPrecision;

/// <summary>Sensitivity reports that a test writes by hand.</summary>
internal static class Reports
{
    public static SensitivityReport Of(IReadOnlyList<int> widths, params IReadOnlyList<SiteSensitivity> sites) => new()
    {
        Recipe = "hand-made",
        Method = SensitivityMethod.Measured,
        Metric = OutputMetric.ClassProbabilities,
        ImageCount = 1,
        Widths = widths,
        Sites = sites,
        OtherParameterBytes = 100,
    };

    /// <summary>A site with a loss for each width; options give it 4 bits.</summary>
    public static SiteSensitivity Site(string id, long elements, long macs, params (int Bits, double Loss)[] widths)
    {
        var (path, operand) = (id.Split(':')[0], Enum.Parse<SiteOperand>(id.Split(':')[1], ignoreCase: true));
        return new SiteSensitivity
        {
            Site = new Site(path, operand, operand == SiteOperand.Weight ? SiteRole.Weight : SiteRole.Other),
            Spec = new QuantizerSpec("uniform", 4, Granularity.Tensor),
            Group = id,
            Elements = elements,
            MultiplyAccumulates = macs,
            Widths = [.. widths.Select(static width => new WidthSensitivity { Bits = width.Bits, Measured = width.Loss, Estimated = width.Loss, QuantizationError = 0 })],
        };
    }

    /// <summary>A site whose losses a random number scales: a quarter for each bit, with noise that can turn their order.</summary>
    public static SiteSensitivity Random(string id, long elements, long macs, IReadOnlyList<int> widths, Random random)
    {
        var scale = Math.Exp(4 * random.NextDouble());
        return Site(id, elements, macs, [.. widths.Select(bits => (bits, scale * Math.Pow(0.25, bits) * (0.5 + random.NextDouble())))]);
    }

    /// <summary>A product of one layer that reads a shared activation, a pair of activations, a layer with a float input and one with both operands quantized.</summary>
    public static SensitivityReport Network(int seed, IReadOnlyList<int> widths)
    {
        var random = new Random(seed);
        SiteSensitivity[] sites =
        [
            Random("q:input", 30, 600, widths, random) with { Group = "norm" },
            Random("q:weight", 200, 600, widths, random),
            Random("k:input", 30, 500, widths, random) with { Group = "norm" },
            Random("k:weight", 170, 500, widths, random),
            Random("qk:left", 20, 400, widths, random),
            Random("qk:right", 25, 400, widths, random),
            Random("embed:weight", 90, 900, widths, random) with { OtherOperandBits = SiteSensitivity.ModelInputBits },
        ];
        return Of(widths, sites);
    }
}

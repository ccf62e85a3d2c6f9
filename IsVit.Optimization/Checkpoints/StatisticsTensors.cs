using System.Globalization;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Quantization;
using IsVit.Optimization.Drift;
using static TorchSharp.torch;

namespace IsVit.Optimization.Checkpoints;

/// <summary>Calibration statistics in a saved model.</summary>
/// <remarks>
/// <c>statistics/codes</c>, float32, has the code shares of the activation sites one after the other, as the file lists them; <c>statistics/sites</c>, float64 [sites, 6], the
/// other numbers. The metadata's <c>isvit.statistics.images</c> is the number of images. A file may have none of them.
/// </remarks>
internal static class StatisticsTensors
{
    public const string ImagesKey = "isvit.statistics.images";
    private const string Prefix = "statistics/";
    private const string CodesName = Prefix + "codes";
    private const string SitesName = Prefix + "sites";
    private const int NumbersPerSite = 6;

    public static bool Holds(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Adds statistics to what is saved, unless a site that is saved has none: one that was switched on after the run.</summary>
    public static void Write(CalibrationStatistics? statistics, IEnumerable<SiteRecord> sites, Dictionary<string, Tensor> tensors, Dictionary<string, string> texts)
    {
        var known = statistics?.Sites.ToDictionary(static site => site.Site.Id, StringComparer.Ordinal) ?? [];
        var saved = sites.Where(static site => site.Operand != SiteOperand.Weight).Select(site => known.GetValueOrDefault(site.ToSite().Id)).ToList();
        if (statistics is null || saved.Contains(null))
        {
            return;
        }

        texts[ImagesKey] = statistics.ImageCount.ToString(CultureInfo.InvariantCulture);
        tensors[CodesName] = tensor(saved.SelectMany(static site => site!.Activations.CodeShares).ToArray());
        tensors[SitesName] = tensor(saved.SelectMany(static site => Numbers(site!)).ToArray()).reshape(-1, NumbersPerSite);
    }

    /// <returns>Null if the file has none.</returns>
    /// <exception cref="QuantizationException">They do not fit the file's sites.</exception>
    public static CalibrationStatistics? Read(SafetensorsFile file, IEnumerable<SiteRecord> sites, IReadOnlyList<QuantizerRecord> quantizers)
    {
        if (!file.Tensors.Keys.Any(Holds) && !file.Metadata.ContainsKey(ImagesKey))
        {
            return null;
        }

        var activations = sites.Where(static site => site.Operand != SiteOperand.Weight).Select(site => (Site: site.ToSite(), Codes: 1 << quantizers[site.Quantizer].Bits)).ToList();
        RequireShape(file, CodesName, ScalarType.Float32, activations.Sum(static site => site.Codes));
        RequireShape(file, SitesName, ScalarType.Float64, activations.Count, NumbersPerSite);
        var text = file.Metadata.GetValueOrDefault(ImagesKey);
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var images) || images < 1)
        {
            throw new QuantizationException($"'{file.FilePath}': the metadata '{ImagesKey}' is '{text}', expected a number of images.");
        }

        using var scope = NewDisposeScope();
        var shares = file.Read(CodesName).data<float>().ToArray();
        var numbers = file.Read(SitesName).data<double>().ToArray();
        var read = new List<SiteStatistics>();
        var first = 0;
        foreach (var (site, codes) in activations)
        {
            read.Add(Site(site, numbers.AsSpan(read.Count * NumbersPerSite, NumbersPerSite), shares[first..(first + codes)]));
            first += codes;
        }

        return new CalibrationStatistics(images, read);
    }

    private static double[] Numbers(SiteStatistics site)
    {
        var activations = site.Activations;
        return [activations.Mean, activations.StandardDeviation, activations.ClippedLow, activations.ClippedHigh, site.ShiftNoise, site.ClippedNoise];
    }

    private static SiteStatistics Site(Site site, ReadOnlySpan<double> numbers, float[] shares) =>
        new(site, new ActivationStatistics(numbers[0], numbers[1], numbers[2], numbers[3], shares), numbers[4], numbers[5]);

    private static void RequireShape(SafetensorsFile file, string name, ScalarType type, params long[] shape)
    {
        if (file.Tensors.GetValueOrDefault(name) is not { } info)
        {
            throw new QuantizationException($"'{file.FilePath}' has calibration statistics, but lacks '{name}'.");
        }

        if (info.ScalarType != type || !info.Shape.SequenceEqual(shape))
        {
            throw new QuantizationException($"'{file.FilePath}': '{name}' is {info.DType} [{string.Join(", ", info.Shape)}]; expected {type} [{string.Join(", ", shape)}] for the file's activation sites.");
        }
    }
}

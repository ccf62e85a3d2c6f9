using System.Globalization;
using System.Runtime.InteropServices;
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Model.Statistics;

namespace IsVit.Model.Saved;

/// <summary>Calibration statistics in a saved model: a text, a vector of all code shares, and a row of numbers for each site. A file may lack all three.</summary>
internal static class SavedStatistics
{
    private const int NumbersPerSite = 6;

    /// <summary>Adds statistics to what is saved, unless a site that is saved has none: one that was switched on after the run.</summary>
    public static void Write(CalibrationStatistics? statistics, IEnumerable<SavedSite> sites, Dictionary<string, TensorData> tensors, Dictionary<string, string> texts)
    {
        var known = statistics?.Sites.ToDictionary(static site => site.Site.Id, StringComparer.Ordinal) ?? [];
        var saved = sites.Where(static site => !site.IsWeight).Select(site => known.GetValueOrDefault(site.Site.Id)).ToList();
        if (statistics is null || saved.Contains(null))
        {
            return;
        }

        texts[SavedNames.StatisticsImages] = statistics.ImageCount.ToString(CultureInfo.InvariantCulture);
        tensors[SavedNames.StatisticsCodes] = TensorData.Of(saved.SelectMany(static site => site!.Activations.CodeShares).ToArray());
        tensors[SavedNames.StatisticsSites] = TensorData.Of(saved.SelectMany(static site => Numbers(site!)).ToArray(), saved.Count, NumbersPerSite);
    }

    /// <returns>Null if the file has none.</returns>
    /// <exception cref="QuantizationException">They do not fit the file's sites.</exception>
    public static CalibrationStatistics? Read(SafetensorsReader file, IEnumerable<SavedSite> sites, IReadOnlyList<QuantizationParameters> quantizers)
    {
        if (!file.Tensors.Keys.Any(SavedNames.IsStatistics) && !file.Metadata.ContainsKey(SavedNames.StatisticsImages))
        {
            return null;
        }

        var activations = sites.Where(static site => !site.IsWeight).Select(site => (site.Site, Codes: quantizers[site.Quantizer].Bits.CodeCount)).ToList();
        RequireShape(file, SavedNames.StatisticsCodes, "F32", activations.Sum(static site => site.Codes));
        RequireShape(file, SavedNames.StatisticsSites, "F64", activations.Count, NumbersPerSite);
        var text = file.Metadata.GetValueOrDefault(SavedNames.StatisticsImages);
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var images) || images < 1)
        {
            throw new QuantizationException($"'{file.FilePath}': the metadata '{SavedNames.StatisticsImages}' is '{text}', expected a number of images.");
        }

        var shares = MemoryMarshal.Cast<byte, float>(file.Bytes(SavedNames.StatisticsCodes));
        var numbers = MemoryMarshal.Cast<byte, double>(file.Bytes(SavedNames.StatisticsSites));
        var read = new List<SiteStatistics>();
        var first = 0;
        foreach (var (site, codes) in activations)
        {
            var own = numbers.Slice(read.Count * NumbersPerSite, NumbersPerSite);
            read.Add(new SiteStatistics(site, new ActivationStatistics(own[0], own[1], own[2], own[3], shares.Slice(first, codes).ToArray()), own[4], own[5]));
            first += codes;
        }

        return new CalibrationStatistics(images, read);
    }

    private static double[] Numbers(SiteStatistics site)
    {
        var activations = site.Activations;
        return [activations.Mean, activations.StandardDeviation, activations.ClippedLow, activations.ClippedHigh, site.ShiftNoise, site.ClippedNoise];
    }

    private static void RequireShape(SafetensorsReader file, string name, string type, params ReadOnlySpan<long> shape)
    {
        if (file.Tensors.GetValueOrDefault(name) is not { } entry)
        {
            throw new QuantizationException($"'{file.FilePath}' has calibration statistics, but lacks '{name}'.");
        }

        if (!entry.Is(type, shape))
        {
            throw new QuantizationException($"'{file.FilePath}': '{name}' is {entry.ElementType} [{string.Join(", ", entry.Shape)}]; expected {type} [{string.Join(", ", shape.ToArray())}] for the file's activation sites.");
        }
    }
}

using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Statistics;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Drift;

/// <summary>Forwards of a finished quantized model that only look.</summary>
internal static class StatisticsRun
{
    // Enough for means of groups to scatter as means of images do, few enough for a device to have work in a forward.
    private const int GroupsWanted = 32;

    // More would make limits hardly tighter, and looking at an activation costs more than computing it.
    private const int MostImages = 128;

    /// <summary>Statistics of calibration images, with the noise that random samples of them show.</summary>
    /// <param name="attachment">The finished model's quantizers.</param>
    /// <param name="images">The images that may be used.</param>
    /// <param name="cancellationToken">Stops within one forward.</param>
    /// <returns>Null if no activation is quantized, or there are too few images to compare samples of.</returns>
    public static CalibrationStatistics? Take(GraphAttachment attachment, SampleBatch images, CancellationToken cancellationToken)
    {
        var sites = Sites(attachment);
        var available = (int)Math.Min(images.Count, MostImages);
        if (sites.Count == 0 || available < CalibrationStatistics.MinimumCalibrationImageCount)
        {
            return null;
        }

        // A group is a forward of its own, because nothing says along which axis of an activation images lie.
        var perGroup = Math.Clamp(available / GroupsWanted, 1, CalibrationStatistics.MinimumImageCount);
        var groupCount = available / perGroup;

        // Calibration images may come sorted, and groups are to be random.
        var order = Enumerable.Range(0, available).ToArray();
        new Random(0).Shuffle(order);
        var groups = Run(attachment, sites, images, [.. order[..(groupCount * perGroup)].Chunk(perGroup)], cancellationToken);
        var splits = SampleSplits.Of(groupCount, perGroup);
        var shifts = SamplingNoise.Of([.. sites.Select((_, site) => groups.Select(group => group[site].Shares()).ToArray())], splits, perGroup);
        var clipped = SamplingNoise.Of([.. sites.Select((_, site) => groups.Select(group => group[site].ClippedShares()).ToArray())], splits, perGroup);
        return new CalibrationStatistics(groupCount * perGroup, [.. sites.Select((site, i) => new SiteStatistics(site.Site, Total(groups, i).ToStatistics(), shifts[i], clipped[i]))]);
    }

    /// <summary>The work of <see cref="Take"/>.</summary>
    /// <param name="images">The number of images that may be used.</param>
    public static StageWork WorkFor(long images) => new(3.0 * Math.Min(images, MostImages), 0);

    /// <summary>What the quantizers read on all images, site by site.</summary>
    /// <param name="attachment">The finished model's quantizers.</param>
    /// <param name="images">The images.</param>
    /// <param name="cancellationToken">Stops within one forward.</param>
    public static IReadOnlyDictionary<string, ActivationStatistics> Read(GraphAttachment attachment, SampleBatch images, CancellationToken cancellationToken)
    {
        var sites = Sites(attachment);
        var groups = Run(attachment, sites, images, [.. Enumerable.Range(0, (int)images.Count).Chunk(CalibrationStatistics.MinimumImageCount)], cancellationToken);
        return sites.Select((site, i) => (site.Site.Id, Total(groups, i))).ToDictionary(static entry => entry.Id, static entry => entry.Item2.ToStatistics(), StringComparer.Ordinal);
    }

    private static List<SiteBinding> Sites(GraphAttachment attachment) =>
        [.. attachment.Bindings.Where(static binding => !binding.IsWeight && binding.State == SiteState.Quantized && binding.Quantizer.IsCalibrated)];

    private static List<ActivationSums[]> Run(GraphAttachment attachment, List<SiteBinding> sites, SampleBatch images, int[][] groups, CancellationToken cancellationToken)
    {
        var sums = new List<ActivationSums[]>();
        using var evaluation = new EvaluationScope(attachment.Graph.Model);
        using var noGrad = no_grad();
        using var reading = new StatisticsScope(sites);
        foreach (var group in groups)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            attachment.Graph.Forward.Run(images.Map(input => input.index_select(0, tensor(Array.ConvertAll(group, static image => (long)image), device: input.device))));
            sums.Add(reading.Take());
        }

        return sums;
    }

    private static ActivationSums Total(List<ActivationSums[]> groups, int site)
    {
        var total = new ActivationSums(groups[0][site].Codes.Length);
        groups.ForEach(group => total.Add(group[site]));
        return total;
    }
}

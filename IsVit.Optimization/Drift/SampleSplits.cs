using IsVit.Model.Statistics;

namespace IsVit.Optimization.Drift;

/// <summary>Random halves, quarters and so on of some groups of images, each against the rest.</summary>
/// <remarks>The smallest has as many images as a comparison must have, so that rare images count in the limit as they do in a comparison.</remarks>
internal static class SampleSplits
{
    private const int SplitsPerSize = 64;

    /// <summary>For each split, which groups are in the sample.</summary>
    public static List<int[]> Of(int groupCount, int imagesPerGroup)
    {
        var random = new Random(0);
        var order = Enumerable.Range(0, groupCount).ToArray();
        var splits = new List<int[]>();
        var smallest = (CalibrationStatistics.MinimumImageCount + imagesPerGroup - 1) / imagesPerGroup;
        for (var size = smallest; size <= groupCount / 2; size *= 2)
        {
            for (var i = 0; i < SplitsPerSize; i++)
            {
                random.Shuffle(order);
                splits.Add(order[..size]);
            }
        }

        return splits;
    }
}

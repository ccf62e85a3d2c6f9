using IsVit.Core.Samples;
using IsVit.Optimization.Stages;

namespace IsVit.Reports.Measuring;

/// <summary>The samples that models are looked at with.</summary>
internal static class ObservedSamples
{
    /// <summary>The first samples, fewer of large images, in the batches that they came in.</summary>
    /// <param name="samples">All samples.</param>
    /// <param name="most">The most samples.</param>
    public static IReadOnlyList<SampleBatch> Of(InMemorySamples samples, int most)
    {
        var left = (long)CalibrationBatches.AtOnce(samples.Batches, most);
        var chosen = new List<SampleBatch>();
        foreach (var batch in samples.Batches)
        {
            if (left <= 0)
            {
                break;
            }

            var count = Math.Min(left, batch.Count);
            chosen.Add(count == batch.Count ? batch : batch.Map(input => input.narrow(0, 0, count).DetachFromDisposeScope()));
            left -= count;
        }

        return chosen;
    }
}

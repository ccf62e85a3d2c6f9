using static TorchSharp.torch;

namespace IsVit.Optimization.Calibration;

/// <summary>Calibration images as a list of batches.</summary>
internal static class CalibrationBatches
{
    /// <summary>Views of consecutive images, <paramref name="batchSize"/> at a time.</summary>
    public static List<Tensor> Split(Tensor images, int batchSize)
    {
        var batches = new List<Tensor>();
        for (long start = 0; start < images.shape[0]; start += batchSize)
        {
            batches.Add(images.narrow(0, start, Math.Min(batchSize, images.shape[0] - start)));
        }

        return batches;
    }

    /// <summary>The first <paramref name="count"/> images as one tensor, or all if there are fewer.</summary>
    public static Tensor First(IReadOnlyList<Tensor> batches, int count)
    {
        var parts = new List<Tensor>();
        long left = count;
        foreach (var batch in batches)
        {
            if (left <= 0)
            {
                break;
            }

            var take = Math.Min(left, batch.shape[0]);
            parts.Add(batch.narrow(0, 0, take));
            left -= take;
        }

        return parts.Count == 1 ? parts[0] : cat(parts);
    }
}

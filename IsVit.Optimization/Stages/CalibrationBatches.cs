using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Calibration images as a list of batches.</summary>
internal static class CalibrationBatches
{
    // Every batch of a stream stands in the model with a thread of its own, so steps of few images do not make streams of many batches.
    public const int SmallestBatch = 32;

    /// <summary>Nor do many images: a thread of a stream has a stack, and a team of libtorch's workers.</summary>
    public const int MostBatches = 32;

    /// <summary>Views of consecutive images, <paramref name="batchSize"/> at a time or more.</summary>
    public static List<Tensor> Split(Tensor images, int batchSize)
    {
        batchSize = (int)Math.Max(Math.Max(batchSize, SmallestBatch), (images.shape[0] + MostBatches - 1) / MostBatches);
        var batches = new List<Tensor>();
        for (long start = 0; start < images.shape[0]; start += batchSize)
        {
            batches.Add(images.narrow(0, start, Math.Min(batchSize, images.shape[0] - start)));
        }

        return batches;
    }

    /// <summary>The images that statistics are taken from, as a list of batches.</summary>
    public static List<Tensor> ForStatistics(QuantizationContext context) =>
        Split(First(context.Batches, context.Options.Calibration.StatisticsImageCount), context.Options.Reconstruction.BatchSize);

    /// <summary>Throws if an image holds a NaN or an infinity, which would spoil every mean that it enters.</summary>
    /// <param name="batches">The images.</param>
    /// <param name="name">What the message calls an image.</param>
    /// <exception cref="QuantizationException">The message names the first such image.</exception>
    public static void RequireFinite(IReadOnlyList<Tensor> batches, string name = "Calibration image")
    {
        using var noGrad = no_grad();
        long first = 0;
        foreach (var batch in batches)
        {
            using var scope = NewDisposeScope();
            if (is_floating_point(batch) && !batch.isfinite().all().item<bool>())
            {
                var wrong = batch.isfinite().flatten(1).all(1).logical_not().nonzero()[0, 0].item<long>();
                throw new QuantizationException(FormattableString.Invariant($"{name} {first + wrong} holds a NaN or an infinity; expected finite numbers."));
            }

            first += batch.shape[0];
        }
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

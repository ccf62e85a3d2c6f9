using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Calibration samples in batches of the size that is needed: views of the caller's tensors wherever a batch lies within one of them.</summary>
internal static class CalibrationBatches
{
    // Every batch of a stream stands in the model with a thread of its own, so steps of few samples do not make streams of many batches.
    public const int SmallestBatch = 32;

    private const long UsualNumbers = 3 * 224 * 224;

    /// <summary>Nor do many samples: a thread of a stream has a stack, and a team of libtorch's workers.</summary>
    public const int MostBatches = 32;

    /// <summary>Consecutive samples, <paramref name="batchSize"/> at a time or more; batches that are no larger, and not too small or too many, are left as they are.</summary>
    /// <returns>Views of the caller's tensors, but where a batch holds samples of several.</returns>
    public static List<SampleBatch> Split(IReadOnlyList<SampleBatch> batches, int batchSize)
    {
        var count = Count(batches);
        var smallest = AtOnce(batches, SmallestBatch);
        var size = Math.Max(Math.Max(batchSize, smallest), (count + MostBatches - 1) / MostBatches);
        if (batches.Count <= MostBatches && batches.SkipLast(1).All(batch => batch.Count >= smallest) && batches.All(batch => batch.Count <= size))
        {
            return [.. batches.Select(static batch => batch.Slice(0, batch.Count))];
        }

        var split = new List<SampleBatch>();
        for (long start = 0; start < count; start += size)
        {
            split.Add(Range(batches, start, Math.Min(size, count - start)));
        }

        return split;
    }

    /// <summary>How many samples run through a model at once in the memory that so many images of 3 x 224 x 224 take: fewer if they are larger, and at least one.</summary>
    /// <param name="batches">The samples.</param>
    /// <param name="images">How many of the usual size.</param>
    /// <param name="most">How many where they are smaller; null for as many as of the usual size.</param>
    public static int AtOnce(IReadOnlyList<SampleBatch> batches, int images, int? most = null) =>
        (int)Math.Clamp(images * UsualNumbers * batches[0].Count / Math.Max(1, batches[0].Inputs.Sum(static input => input.numel())), 1, most ?? images);

    /// <summary>The samples that statistics are taken from, as a list of batches.</summary>
    public static List<SampleBatch> ForStatistics(QuantizationContext context) =>
        Split(Parts(context.Batches, 0, context.Options.Calibration.StatisticsImageCount), context.Options.Reconstruction.BatchSize);

    /// <summary>The number of samples.</summary>
    public static long Count(IReadOnlyList<SampleBatch> batches) => batches.Sum(static batch => batch.Count);

    /// <summary>Throws if a sample holds a NaN or an infinity, which would spoil every mean that it enters.</summary>
    /// <param name="batches">The samples.</param>
    /// <param name="name">What the message calls one.</param>
    /// <exception cref="QuantizationException">The message names the first such sample.</exception>
    public static void RequireFinite(IReadOnlyList<SampleBatch> batches, string name = "Calibration image")
    {
        using var noGrad = no_grad();
        long first = 0;
        foreach (var batch in batches)
        {
            using var scope = NewDisposeScope();
            foreach (var input in batch.Inputs)
            {
                if (is_floating_point(input) && !input.isfinite().all().item<bool>())
                {
                    var wrong = input.isfinite().reshape(input.shape[0], -1).all(1).logical_not().nonzero()[0, 0].item<long>();
                    throw new QuantizationException(FormattableString.Invariant($"{name} {first + wrong} holds a NaN or an infinity; expected finite numbers."));
                }
            }

            first += batch.Count;
        }
    }

    /// <summary>The first <paramref name="count"/> samples as one batch, or all if there are fewer.</summary>
    public static SampleBatch First(IReadOnlyList<SampleBatch> batches, int count) => Range(batches, 0, count);

    private static SampleBatch Range(IReadOnlyList<SampleBatch> batches, long start, long count) => SampleBatch.Join(Parts(batches, start, count));

    private static List<SampleBatch> Parts(IReadOnlyList<SampleBatch> batches, long start, long count)
    {
        var parts = new List<SampleBatch>();
        foreach (var batch in batches)
        {
            if (start < batch.Count && count > 0)
            {
                var taken = Math.Min(count, batch.Count - start);
                parts.Add(batch.Slice(start, taken));
                count -= taken;
                start = 0;
            }
            else
            {
                start -= Math.Min(start, batch.Count);
            }
        }

        return parts;
    }
}

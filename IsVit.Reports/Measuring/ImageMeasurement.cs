using System.Globalization;
using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Reports.Contents;
using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>Images beside what both models make of them.</summary>
internal static class ImageMeasurement
{
    /// <summary>Chooses images, those first whose predicted class is not the float model's.</summary>
    /// <param name="reference">What the float model makes of the samples.</param>
    /// <param name="quantized">What the quantized model makes of them.</param>
    /// <param name="samples">The samples; images are shown of one input [images, 1 or 3, height, width] and outputs [images, classes].</param>
    /// <param name="most">The most images.</param>
    /// <param name="classNames">Names by index, or null.</param>
    public static IReadOnlyList<ImageReport> Measure(ModelObservation reference, ModelObservation quantized, IReadOnlyList<SampleBatch> samples, int most, IReadOnlyList<string>? classNames)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!samples.All(static batch => batch.Inputs.Count == 1 && batch[0].dim() == 4 && batch[0].shape[1] is 1 or 3) || reference.Outputs[0].dim() != 2 || reference.Outputs[0].shape[1] < 2)
        {
            return [];
        }

        var images = cat([.. samples.Select(static batch => batch[0])]);
        var (before, after) = (Probabilities(reference), Probabilities(quantized));
        var (wanted, found) = (before.argmax(1).data<long>().ToArray(), after.argmax(1).data<long>().ToArray());
        var (attentionBefore, attentionAfter) = (ClassAttention.Of(reference), ClassAttention.Of(quantized));
        return [.. Enumerable.Range(0, wanted.Length).OrderBy(i => wanted[i] == found[i]).ThenBy(static i => i).Take(most).Select(i => new ImageReport
        {
            Index = i,
            FloatClass = Name(wanted[i]),
            FloatProbability = before[i, wanted[i]].item<double>(),
            QuantizedClass = Name(found[i]),
            QuantizedProbability = after[i, found[i]].item<double>(),
            Picture = Png.OfImage(images[i]),
            FloatAttention = attentionBefore is null ? null : Png.OfMap(attentionBefore[i]),
            QuantizedAttention = attentionAfter is null ? null : Png.OfMap(attentionAfter[i]),
        })];

        string Name(long index) => classNames is not null && index < classNames.Count ? classNames[(int)index] : index.ToString(CultureInfo.InvariantCulture);
    }

    private static Tensor Probabilities(ModelObservation observation) => ClassProbability.Of(cat([.. observation.Outputs]));
}

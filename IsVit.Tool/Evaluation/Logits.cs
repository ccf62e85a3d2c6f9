using IsVit.Core.Imaging;
using static TorchSharp.torch;

namespace IsVit.Tool.Evaluation;

/// <summary>A model's answers to a set of images.</summary>
/// <param name="Values">[images, <paramref name="ClassCount"/>], row-major.</param>
/// <param name="ClassCount">The number of classes.</param>
/// <param name="Labels">The right classes, one an image, or null where they are not known.</param>
internal sealed record Logits(float[] Values, int ClassCount, long[]? Labels)
{
    /// <summary>The number of images.</summary>
    public int Count => Values.Length / ClassCount;

    /// <summary>One image's logits.</summary>
    /// <param name="image">Which image.</param>
    public ReadOnlySpan<float> this[int image] => Values.AsSpan(image * ClassCount, ClassCount);

    /// <summary>Runs a model, in evaluation mode and without gradients, over all images.</summary>
    /// <param name="model">[batch, channels, height, width] to [batch, classes], on any device. Its mode is restored.</param>
    /// <param name="images">The images.</param>
    /// <param name="batchSize">Images at once.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <exception cref="ToolException">There is no image, or a label that the model has no class for.</exception>
    public static Logits Collect(nn.Module<Tensor, Tensor> model, IImageSource images, int batchSize, CancellationToken cancellationToken)
    {
        var values = new List<float>();
        var labels = images.HasLabels ? new List<long>() : null;
        var classes = 0;
        var wasTraining = model.training;
        var device = model.parameters().Select(static parameter => parameter.device).FirstOrDefault() ?? CPU;
        model.eval();
        try
        {
            using var noGradient = no_grad();
            foreach (var batch in images.ReadBatches(batchSize, cancellationToken))
            {
                using var owned = batch;
                using var scope = NewDisposeScope();
                cancellationToken.ThrowIfCancellationRequested();
                var logits = model.call(batch.Pixels.to(device)).to(float32).cpu().contiguous();
                classes = (int)logits.shape[1];
                values.AddRange(logits.data<float>().ToArray());
                labels?.AddRange(CheckedLabels(batch, classes));
            }
        }
        finally
        {
            model.train(wasTraining);
        }

        return classes > 0
            ? new Logits([.. values], classes, labels?.ToArray())
            : throw new ToolException("there is no readable image to evaluate with.");
    }

    private static long[] CheckedLabels(ImageBatch batch, int classes)
    {
        var labels = batch.Labels!.data<long>().ToArray();
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] < 0 || labels[i] >= classes)
            {
                throw new ToolException($"{batch.Paths[i]}: label {labels[i]}, but the model has {classes} classes (0 to {classes - 1}).");
            }
        }

        return labels;
    }
}

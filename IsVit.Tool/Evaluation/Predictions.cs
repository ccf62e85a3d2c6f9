using IsVit.Core.Imaging;
using static TorchSharp.torch;

namespace IsVit.Tool.Evaluation;

/// <summary>What a classifier says of images.</summary>
internal static class Predictions
{
    private const int BatchSize = 16;

    /// <summary>Finds the likeliest classes of every image, of equal ones those of lower numbers first.</summary>
    /// <param name="model">[batch, channels, height, width] to [batch, classes], in evaluation mode.</param>
    /// <param name="floatModel">Another model, which is asked how likely it finds the same classes; null for none.</param>
    /// <param name="images">The images.</param>
    /// <param name="count">The number of classes of each image; all if there are fewer.</param>
    /// <param name="device">Where both models run.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <exception cref="ToolException">An answer holds what is no finite number.</exception>
    public static IReadOnlyList<Prediction> Of(nn.Module<Tensor, Tensor> model, nn.Module<Tensor, Tensor>? floatModel, IImageSource images, int count, Device device, CancellationToken cancellationToken)
    {
        var found = new List<Prediction>();
        using var noGradient = no_grad();
        foreach (var batch in images.ReadBatches(BatchSize, cancellationToken))
        {
            using var owned = batch;
            cancellationToken.ThrowIfCancellationRequested();
            var own = Probabilities(model, batch, device);
            var reference = floatModel is null ? null : Probabilities(floatModel, batch, device);
            for (var i = 0; i < batch.Count; i++)
            {
                var probabilities = own[i];
                var likeliest = Enumerable.Range(0, probabilities.Length).OrderByDescending(index => probabilities[index]).ThenBy(static index => index).Take(count);
                found.AddRange(likeliest.Select((index, rank) => new Prediction(batch.Paths[i], rank + 1, index, probabilities[index], reference?[i][index])));
            }
        }

        return found;
    }

    private static double[][] Probabilities(nn.Module<Tensor, Tensor> model, ImageBatch batch, Device device)
    {
        using var scope = NewDisposeScope();
        var logits = model.call(batch.Pixels.to(device)).to(float64).cpu();
        var values = logits.softmax(1).contiguous().data<double>().ToArray();
        var classes = values.Length / batch.Count;
        double[][] rows = [.. values.Chunk(classes)];
        var broken = Array.FindIndex(rows, static row => !Array.TrueForAll(row, double.IsFinite));
        return broken < 0 ? rows : throw new ToolException($"{batch.Paths[broken]}: the model's answer is not finite; its file may be broken.");
    }
}

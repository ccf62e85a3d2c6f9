using IsVit.Core.Imaging;
using static TorchSharp.torch;

namespace IsVit.Tool.Evaluation;

/// <summary>Test images with the float model's answers to them, what every quantized model is compared with.</summary>
/// <param name="images">The test images.</param>
/// <param name="batchSize">Images at once.</param>
/// <param name="floatLogits">The float model's answers.</param>
internal sealed class FloatReference(IImageSource images, int batchSize, Logits floatLogits)
{
    /// <summary>The float model's figures.</summary>
    public EvaluationResult Float { get; } = EvaluationResult.Of(floatLogits);

    /// <summary>Asks the float model.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="images">The test images.</param>
    /// <param name="batchSize">Images at once.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    public static FloatReference Measure(nn.Module<Tensor, Tensor> model, IImageSource images, int batchSize, CancellationToken cancellationToken) =>
        new(images, batchSize, Logits.Collect(model, images, batchSize, cancellationToken));

    /// <summary>A quantized model's figures.</summary>
    /// <param name="model">The model with its quantizers attached.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    public EvaluationResult Evaluate(nn.Module<Tensor, Tensor> model, CancellationToken cancellationToken) =>
        EvaluationResult.Of(Logits.Collect(model, images, batchSize, cancellationToken), floatLogits);
}

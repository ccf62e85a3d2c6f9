using IsVit.Optimization.Options;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputSensitivity;

/// <summary>What an <see cref="OutputMetric"/> means for outputs of a shape.</summary>
internal static class OutputMetrics
{
    /// <summary>Whether outputs, [images, classes, ...], are logits of two classes or more, and not to be compared as plain numbers.</summary>
    public static bool HasClasses(Tensor outputs, OutputMetric metric) => metric == OutputMetric.ClassProbabilities && outputs.dim() >= 2 && outputs.shape[1] > 1;

    /// <summary>Random numbers of the outputs' shape whose covariance is the metric: I, or diag(p) - p p^T of each image's class probabilities p.</summary>
    public static Tensor Draws(Tensor outputs, OutputMetric metric, Generator random)
    {
        var draws = randn(outputs.shape, float32, generator: random).to(outputs.dtype, outputs.device);
        if (!HasClasses(outputs, metric))
        {
            return draws;
        }

        var roots = nn.functional.softmax(outputs, 1).sqrt();
        return roots * (draws - (roots * (roots * draws).sum(1L, keepdim: true)));
    }
}

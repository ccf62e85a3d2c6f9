using IsVit.Core.Arithmetic;
using IsVit.Optimization.Options;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputSensitivity;

/// <summary>What an <see cref="OutputMetric"/> means for outputs of a shape.</summary>
internal static class OutputMetrics
{
    /// <summary>Whether outputs, [images, classes, ...], are logits of two classes or more, and not to be compared as plain numbers.</summary>
    public static bool HasClasses(Tensor outputs, OutputMetric metric) => metric == OutputMetric.ClassProbabilities && outputs.dim() >= 2 && outputs.shape[1] > 1;

    /// <summary>Of several outputs those that are numbers, each with the factor that its plain numbers are scaled by so that all outputs count alike: one over their standard deviation. A single output is left as it is.</summary>
    /// <param name="outputs">What a model gives.</param>
    /// <param name="metric">How it is compared.</param>
    public static IReadOnlyList<(Tensor Output, double Scale)> Compared(IReadOnlyList<Tensor> outputs, OutputMetric metric)
    {
        var numbers = outputs.Where(IsCompared).ToList();
        return [.. numbers.Select(output => (output, numbers.Count == 1 || HasClasses(output, metric) ? 1 : 1 / Deviation(output)))];
    }

    /// <summary>Whether an output is compared: one of numbers, and not an empty one.</summary>
    public static bool IsCompared(Tensor output) => is_floating_point(output) && output.numel() > 0;

    private static double Deviation(Tensor output)
    {
        using var scope = NewDisposeScope();
        var deviation = output.numel() > 1 ? output.detach().to(float64).std().item<double>() : 0;
        return deviation > 0 && double.IsFinite(deviation) ? deviation : 1;
    }

    /// <summary>A number whose derivatives by what the outputs depend on are those of <see cref="Draws"/> times all outputs.</summary>
    /// <param name="outputs">What a model gives, differentiable.</param>
    /// <param name="metric">How it is compared.</param>
    /// <param name="random">Draws.</param>
    public static Tensor Projection(IReadOnlyList<Tensor> outputs, OutputMetric metric, Generator random)
    {
        Tensor? sum = null;
        foreach (var (output, scale) in Compared(outputs, metric))
        {
            var term = (output * Draws(output.detach(), metric, random)).sum();
            term = scale == 1 ? term : term.Times(scale);
            sum = sum is null ? term : sum.Plus(term);
        }

        return sum!;
    }

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

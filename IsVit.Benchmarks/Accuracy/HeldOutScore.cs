using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using TorchSharp;

namespace IsVit.Benchmarks.Accuracy;

/// <summary>How close a model's outputs are to those of the float model.</summary>
/// <param name="Agreement">Percent of images with the same first class.</param>
/// <param name="SquaredError">The mean squared difference of the logits.</param>
/// <param name="Divergence">The mean divergence (Kullback-Leibler) of the class probabilities from the float model's.</param>
internal sealed record HeldOutScore(double Agreement, double SquaredError, double Divergence)
{
    /// <summary>Compares [images, classes] with [images, classes].</summary>
    public static HeldOutScore Of(torch.Tensor outputs, torch.Tensor reference)
    {
        using var scope = torch.NewDisposeScope();
        using var floatOutputs = new OutputDivergence([reference], new OutputComparison(OutputMetric.ClassProbabilities, []));
        var (divergence, squaredError) = floatOutputs.Of([outputs]);
        return new(outputs.argmax(1).eq(reference.argmax(1)).to(torch.float64).mean().item<double>() * 100, squaredError, divergence);
    }
}

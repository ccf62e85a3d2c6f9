using IsVit.Core.Arithmetic;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How far outputs are from those of the float model.</summary>
internal sealed class OutputDivergence : IDisposable
{
    private readonly Tensor _outputs;
    private readonly Tensor? _logProbabilities;

    /// <param name="outputs">What the float model gives: [images, ...].</param>
    /// <param name="metric">What is measured.</param>
    public OutputDivergence(Tensor outputs, OutputMetric metric)
    {
        _outputs = outputs.detach().to(float64).clone().DetachFromDisposeScope();
        _logProbabilities = OutputMetrics.HasClasses(outputs, metric) ? nn.functional.log_softmax(_outputs, 1).DetachFromDisposeScope() : null;
    }

    /// <summary>The divergence, summed over an image's outputs and averaged over images, and the mean squared change of an output.</summary>
    public (double Divergence, double SquaredError) Of(Tensor outputs)
    {
        using var scope = NewDisposeScope();
        var values = outputs.detach().to(float64);
        var squares = (values - _outputs).Squared();
        var divergence = _logProbabilities is null
            ? squares.sum()
            : (_logProbabilities.exp() * (_logProbabilities - nn.functional.log_softmax(values, 1))).sum();

        // Rounding can make the divergence of equal probabilities a little less than nothing.
        return (Math.Max(0, divergence.item<double>() / outputs.shape[0]), squares.mean().item<double>());
    }

    public void Dispose()
    {
        _outputs.Dispose();
        _logProbabilities?.Dispose();
    }
}

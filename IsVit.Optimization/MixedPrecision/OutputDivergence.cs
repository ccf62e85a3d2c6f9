using IsVit.Core.Arithmetic;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How far outputs are from those of the float model.</summary>
internal sealed class OutputDivergence : IDisposable
{
    private readonly List<(Tensor Values, Tensor? LogProbabilities, double Scale)> _outputs;

    /// <param name="outputs">What the float model gives: one or more tensors, [images, ...].</param>
    /// <param name="metric">What is measured.</param>
    public OutputDivergence(IReadOnlyList<Tensor> outputs, OutputMetric metric)
    {
        using var scope = NewDisposeScope();
        _outputs = [.. OutputMetrics.Compared(outputs, metric).Select(output => Reference(output.Output, output.Scale, metric))];
    }

    /// <summary>The divergence, summed over an image's outputs and averaged over images, and the mean squared change of an output.</summary>
    public (double Divergence, double SquaredError) Of(IReadOnlyList<Tensor> outputs)
    {
        using var scope = NewDisposeScope();
        var (divergence, squares, count) = (0.0, 0.0, 0L);
        foreach (var ((wanted, logarithms, scale), found) in _outputs.Zip(outputs.Where(OutputMetrics.IsCompared)))
        {
            var values = found.detach().to(float64);
            var squared = (values - wanted).Squared().sum().item<double>();
            (squares, count) = (squares + squared, count + values.numel());
            divergence += logarithms is null ? scale * scale * squared : (logarithms.exp() * (logarithms - nn.functional.log_softmax(values, 1))).sum().item<double>();
        }

        // Rounding can make the divergence of equal probabilities a little less than nothing.
        return (Math.Max(0, divergence / outputs[0].shape[0]), squares / count);
    }

    public void Dispose()
    {
        foreach (var (values, logarithms, _) in _outputs)
        {
            values.Dispose();
            logarithms?.Dispose();
        }
    }

    private static (Tensor Values, Tensor? LogProbabilities, double Scale) Reference(Tensor output, double scale, OutputMetric metric)
    {
        var values = output.detach().to(float64).clone().DetachFromDisposeScope();
        return (values, OutputMetrics.HasClasses(output, metric) ? nn.functional.log_softmax(values, 1).DetachFromDisposeScope() : null, scale);
    }
}

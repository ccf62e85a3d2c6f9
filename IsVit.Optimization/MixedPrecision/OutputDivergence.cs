using IsVit.Core.Arithmetic;
using IsVit.Optimization.OutputSensitivity;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How far outputs are from those of the float model.</summary>
internal sealed class OutputDivergence : IDisposable
{
    private readonly List<(ComparedOutput How, Tensor Values)> _outputs;

    /// <param name="outputs">What the float model gives: one or more tensors, [images, ...].</param>
    /// <param name="comparison">How they are compared.</param>
    public OutputDivergence(IReadOnlyList<Tensor> outputs, OutputComparison comparison) =>
        _outputs = [.. comparison.Find(outputs).Select(how => (how, outputs[how.Index].detach().clone().DetachFromDisposeScope()))];

    /// <summary>The divergence, summed over an image's outputs and averaged over images, and the mean squared change of an output.</summary>
    public (double Divergence, double SquaredError) Of(IReadOnlyList<Tensor> outputs)
    {
        using var scope = NewDisposeScope();
        var (divergence, squares, count) = (0.0, 0.0, 0L);
        foreach (var (how, wanted) in _outputs)
        {
            var found = outputs[how.Index].detach();
            squares += (found.to(float64) - wanted.to(float64)).Squared().sum().item<double>();
            count += found.numel();
            divergence += how.Factor * how.Change(found, wanted).sum().item<double>();
        }

        // Rounding can make the divergence of equal probabilities a little less than nothing.
        return (Math.Max(0, divergence / outputs[0].shape[0]), squares / count);
    }

    public void Dispose() => _outputs.ForEach(static output => output.Values.Dispose());
}

using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputSensitivity;

/// <summary>How changes of a model's outputs are measured: as it declares, or all in one way (<see cref="OutputMetric"/>).</summary>
/// <param name="metric">The way for outputs that are not declared.</param>
/// <param name="declared">What each output holds; empty if that is not declared.</param>
internal sealed class OutputComparison(OutputMetric metric, IReadOnlyList<OutputDeclaration> declared)
{
    /// <summary>That of a run.</summary>
    public static OutputComparison Of(QuantizationContext context) => new(context.Options.OutputMetric, context.Graph.Forward.Outputs);

    /// <summary>Whether an output can be compared: one of numbers, and not an empty one.</summary>
    public static bool IsNumbers(Tensor output) => is_floating_point(output) && output.numel() > 0;

    /// <summary>The outputs that are compared.</summary>
    /// <param name="outputs">What the model gives, each [images, ...].</param>
    /// <exception cref="QuantizationException">An output is not as declared.</exception>
    public IReadOnlyList<ComparedOutput> Find(IReadOnlyList<Tensor> outputs)
    {
        var numbers = Enumerable.Range(0, outputs.Count).Where(i => IsNumbers(outputs[i])).ToList();
        return metric == OutputMetric.ClassProbabilities && declared.Count > 0
            ? [.. numbers.Where(i => declared[i].Weight > 0).Select(i => Declared(outputs[i], i))]
            : [.. numbers.Select(i => Undeclared(outputs[i], i, isAlone: numbers.Count == 1))];
    }

    /// <summary>A number whose derivatives by what the outputs depend on are those of <see cref="ComparedOutput.Draws"/> times all outputs.</summary>
    /// <param name="outputs">What a model gives, differentiable.</param>
    /// <param name="random">Draws.</param>
    public Tensor Projection(IReadOnlyList<Tensor> outputs, Generator random) => Find(outputs)
        .Select(how => (outputs[how.Index] * how.Draws(outputs[how.Index].detach(), random)).sum())
        .Aggregate(static (sum, term) => sum.Plus(term));

    /// <summary>What training for the outputs lowers: the sum of the outputs' losses, each times its weight.</summary>
    /// <param name="outputs">What a model gives, differentiable.</param>
    /// <param name="wanted">What it should give.</param>
    public Tensor Loss(IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> wanted) =>
        Find(wanted).Select(how => how.Loss(outputs[how.Index], wanted[how.Index]).Times(how.Weight)).Aggregate(static (sum, loss) => sum.Plus(loss));

    // Outputs of one model count alike, and one that is alone is left as it is.
    private ComparedOutput Undeclared(Tensor output, int index, bool isAlone) => metric == OutputMetric.ClassProbabilities && output.dim() >= 2 && output.shape[1] > 1
        ? new(index, OutputKind.Classes, ClassAxis: 1, Weight: 1, Factor: 1)
        : new(index, OutputKind.Values, ClassAxis: 1, Weight: 1, Factor: isAlone ? 1 : 1 / Variance(output));

    private ComparedOutput Declared(Tensor output, int index)
    {
        var how = declared[index];
        var axis = how.ClassAxis < 0 ? how.ClassAxis + (int)output.dim() : how.ClassAxis;
        var predictions = (double)output.numel() / output.shape[0];
        if (how.Kind == OutputKind.Classes)
        {
            if (axis < 1 || axis >= output.dim() || output.shape[axis] < 2)
            {
                throw new QuantizationException(FormattableString.Invariant(
                    $"Output {index} is declared to hold classes along axis {how.ClassAxis}, and has the shape [{string.Join(", ", output.shape)}]; expected two classes or more along an axis after the first."));
            }

            predictions /= output.shape[axis];
        }

        return new(index, how.Kind, axis, how.Weight, how.Weight / predictions / (how.Kind == OutputKind.Values ? Variance(output) : 1));
    }

    private static double Variance(Tensor output)
    {
        using var scope = NewDisposeScope();
        var variance = output.numel() > 1 ? output.detach().to(float64).var().item<double>() : 0;
        return variance > 0 && double.IsFinite(variance) ? variance : 1;
    }
}

using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputSensitivity;

/// <summary>How the change of one output is measured.</summary>
/// <param name="Index">Which of the model's outputs it is.</param>
/// <param name="Kind">What its numbers are.</param>
/// <param name="ClassAxis">The axis of its classes, for <see cref="OutputKind.Classes"/>.</param>
/// <param name="Weight">What its mean change is multiplied with in a loss.</param>
/// <param name="Factor">What the change of one prediction is multiplied with, to be summed up over an image's predictions.</param>
internal readonly record struct ComparedOutput(int Index, OutputKind Kind, int ClassAxis, double Weight, double Factor)
{
    /// <summary>
    /// Random numbers of the output's shape whose covariance is the metric, which is half of what the change grows with: diag(p) - p p^T of each prediction's probabilities p for classes, p (1 - p) for events, 2 I for values.
    /// </summary>
    /// <param name="output">The output.</param>
    /// <param name="random">Draws.</param>
    public Tensor Draws(Tensor output, Generator random)
    {
        using var scope = NewDisposeScope();
        var draws = randn(output.shape, float32, generator: random).to(output.dtype, output.device);
        switch (Kind)
        {
            case OutputKind.Classes:
                var roots = nn.functional.softmax(output, ClassAxis).sqrt();
                draws = roots * (draws - (roots * (roots * draws).sum(ClassAxis, keepdim: true)));
                return scope.MoveToOuter(Factor == 1 ? draws : draws.Times(Math.Sqrt(Factor)));
            case OutputKind.Events:
                var chances = output.sigmoid();
                return scope.MoveToOuter(draws * (chances * output.neg().sigmoid()).sqrt().Times(Math.Sqrt(Factor)));
            default:
                return scope.MoveToOuter(draws.Times(Math.Sqrt(2 * Factor)));
        }
    }

    /// <summary>The change of each prediction, as float64.</summary>
    /// <param name="found">What is measured, differentiable.</param>
    /// <param name="wanted">What the float model gives.</param>
    public Tensor Change(Tensor found, Tensor wanted)
    {
        var (given, target) = (found.to(float64), wanted.to(float64));
        switch (Kind)
        {
            case OutputKind.Classes:
                var logarithms = nn.functional.log_softmax(target, ClassAxis);
                return (logarithms.exp() * (logarithms - nn.functional.log_softmax(given, ClassAxis))).sum(ClassAxis);
            case OutputKind.Events:
                return (target.sigmoid() * (nn.functional.logsigmoid(target) - nn.functional.logsigmoid(given)))
                    .Plus(target.neg().sigmoid() * (nn.functional.logsigmoid(target.neg()) - nn.functional.logsigmoid(given.neg())));
            default:
                return (given - target).Squared();
        }
    }

    /// <summary>
    /// The mean change as a loss. The divergence of classes' probabilities is blind to what all logits have in common, so that the squared error stands beside it; the error of values is divided by their variance.
    /// </summary>
    /// <param name="found">What a model gives, differentiable.</param>
    /// <param name="wanted">What it should give.</param>
    public Tensor Loss(Tensor found, Tensor wanted)
    {
        var change = Change(found, wanted).mean();
        return Kind switch
        {
            OutputKind.Classes => change.Plus((found.to(float64) - wanted.to(float64)).Squared().mean()),
            OutputKind.Values => change / wanted.to(float64).var().AtLeast(double.Epsilon),
            _ => change,
        };
    }
}

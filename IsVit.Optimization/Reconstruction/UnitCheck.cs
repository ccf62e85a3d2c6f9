using System.Runtime.InteropServices;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Looks, before the first costly step, whether units can be reconstructed sample by sample.</summary>
internal static class UnitCheck
{
    private const double Tolerance = 1e-3;
    private const double HalfPrecisionTolerance = 0.05;

    /// <summary>
    /// Runs one sample and a batch of two through the float model, and each unit on the one sample with whatever else it took for the batch: it must give what it gave in the model, and its weights must have gradients.
    /// </summary>
    /// <param name="context">The model.</param>
    /// <param name="stage">Who trains units.</param>
    /// <param name="axes">How many tensors a unit takes and gives, and where samples lie in them.</param>
    /// <param name="parameters">What is trained of a unit.</param>
    /// <exception cref="QuantizationException">The message names the first unit that cannot be trained sample by sample.</exception>
    public static void Require(
        QuantizationContext context, string stage, Func<Unit, (IReadOnlyList<int> Inputs, IReadOnlyList<int> Outputs)> axes, Func<Unit, IReadOnlyCollection<Parameter>> parameters)
    {
        using var scope = NewDisposeScope();
        using var suspended = context.Attachment.Suspend();
        using var one = new UnitFlow(context.Attachment, [context.FirstSample]);
        using var two = new UnitFlow(context.Attachment, [context.Batches[0].Slice(0, Math.Min(2, context.Batches[0].Count))]);
        foreach (var unit in context.Graph.Units)
        {
            var trained = parameters(unit);
            if (trained.Count == 0)
            {
                continue;
            }

            using var inner = NewDisposeScope();
            var (inputs, outputs) = one.AdvanceThrough(unit, context.CancellationToken);
            var others = two.AdvanceThrough(unit, context.CancellationToken).Inputs[0];
            var (inputAxes, outputAxes) = axes(unit);
            var module = TypedModule.TryOf(context.Graph.Modules[unit.Path])!;
            if (others.Tensors.Count != inputs[0].Tensors.Count || inputAxes.Count != inputs[0].Tensors.Count || outputAxes.Count != outputs[0].Tensors.Count)
            {
                throw Wrong(unit, " (it takes or gives another number of tensors)");
            }

            var alone = others.With([.. inputs[0].Tensors.Select(static input => input.detach().clone())]);
            RequireSame(unit, () => module.Run(alone.Copy()).Tensors, outputs[0].Tensors);
            using var gradients = enable_grad();
            using var trainable = new TrainableScope(context.Graph.Model, trained);
            GradientCheck.Require(
                () => module.Run(alone.Copy()).Tensors,
                [.. trained],
                reason => $"Stage '{stage}' trains the weights of unit '{unit.Path}', and what the unit gives has no derivatives by them ({reason}). Look for {GradientCheck.Causes}, choose other units in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}, or {GradientCheck.OtherRecipe}.");
        }
    }

    private static void RequireSame(Unit unit, Func<IReadOnlyList<Tensor>> forward, IReadOnlyList<Tensor> wanted)
    {
        using var noGrad = no_grad();
        IReadOnlyList<Tensor> found;
        try
        {
            found = forward();
        }
        catch (ExternalException e)
        {
            throw Wrong(unit, $" ({e.Message.Split('\n')[0]})");
        }

        if (found.Count != wanted.Count || !found.Zip(wanted).All(static pair => AreSame(pair.First, pair.Second)))
        {
            throw Wrong(unit, "");
        }
    }

    private static QuantizationException Wrong(Unit unit, string reason) => new(
        $"The unit {unit} does not give for one image alone what it gives for it in the model{reason}: it takes something that does not come in with the image, such as a field that the model sets, a number that depends on the batch, or tensors in an object that is no tuple, array, list or dictionary; it changes what it is given; or it is not the same each time. Choose the module around it, or those inside, in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}.");

    private static bool AreSame(Tensor found, Tensor wanted)
    {
        if (!found.shape.SequenceEqual(wanted.shape))
        {
            return false;
        }

        if (!is_floating_point(found) || found.numel() == 0 || !wanted.isfinite().all().item<bool>())
        {
            return true;
        }

        using var scope = NewDisposeScope();
        var (one, other) = (found.detach().to(float64), wanted.detach().to(float64));
        var tolerance = found.dtype is ScalarType.Float32 or ScalarType.Float64 ? Tolerance : HalfPrecisionTolerance;
        return ((one - other).norm() / other.norm().AtLeast(1e-30)).item<double>() <= tolerance;
    }
}

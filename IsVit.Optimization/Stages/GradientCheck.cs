using System.Runtime.InteropServices;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Goes back through the float model with one image, so that a model that cannot be differentiated is known before the first costly step.</summary>
internal static class GradientCheck
{
    private const string Causes = "a forward under no_grad or inference_mode, detach(), argmax, or a tensor changed in place after it was read";
    private const string OtherRecipe = $"follow a recipe without the stage, such as '{RecipeNames.RepQ}'";

    /// <summary>Throws if the model's outputs cannot be differentiated.</summary>
    /// <param name="context">The model.</param>
    /// <param name="stage">Who needs the derivatives.</param>
    /// <exception cref="QuantizationException">They cannot be.</exception>
    public static void RequireOutputs(QuantizationContext context, string stage) => RequireOutputs(context, $"Stage '{stage}'", OtherRecipe);

    /// <summary>Throws if the model's outputs cannot be differentiated.</summary>
    /// <param name="context">The model.</param>
    /// <param name="needer">Who needs the derivatives, as the subject of a sentence.</param>
    /// <param name="otherwise">What can be done without them.</param>
    /// <exception cref="QuantizationException">They cannot be.</exception>
    public static void RequireOutputs(QuantizationContext context, string needer, string otherwise)
    {
        using var scope = NewDisposeScope();
        using var suspended = context.Attachment.Suspend();
        using var gradients = enable_grad();
        var sample = context.FirstSample.AsVariables();
        Require(
            () => context.Graph.Forward.Run(sample),
            [.. sample.Inputs.Where(static input => input.requires_grad), .. context.Graph.Model.parameters()],
            reason => $"{needer} needs the derivatives of the model's outputs, and the model gives none ({reason}). Look for {Causes}, or {otherwise}.");
    }

    /// <summary>Throws if a unit's weights cannot be trained.</summary>
    /// <param name="context">The model.</param>
    /// <param name="stage">Who trains them.</param>
    /// <param name="parameters">What is trained of a unit.</param>
    /// <exception cref="QuantizationException">They cannot be.</exception>
    public static void RequireUnits(QuantizationContext context, string stage, Func<Unit, IReadOnlyCollection<Parameter>> parameters)
    {
        using var scope = NewDisposeScope();
        using var suspended = context.Attachment.Suspend();
        using var gradients = enable_grad();
        using var flow = new UnitFlow(context.Attachment, [context.FirstSample]);
        foreach (var unit in context.Graph.Units)
        {
            var trained = parameters(unit);
            if (trained.Count == 0)
            {
                continue;
            }

            var arguments = flow.AdvanceToInput(unit, context.CancellationToken)[0];
            arguments = arguments.With([.. arguments.Tensors.Select(static input => input.detach().clone())]);
            using var trainable = new TrainableScope(context.Graph.Model, trained);
            Require(
                () => TypedModule.TryOf(context.Graph.Modules[unit.Path])!.Run(arguments).Tensors,
                [.. trained],
                reason => $"Stage '{stage}' trains the weights of unit '{unit.Path}', and what the unit gives has no derivatives by them ({reason}). Look for {Causes}, choose other units in {nameof(QuantizationRun.Trace)}.{nameof(QuantizationRun.Trace.Units)}, or {OtherRecipe}.");
        }
    }

    private static void Require(Func<IReadOnlyList<Tensor>> forward, IReadOnlyList<Tensor> by, Func<string, string> message)
    {
        try
        {
            var outputs = forward().Where(static output => output.requires_grad).ToList();
            if (outputs.Count == 0)
            {
                throw new QuantizationException(message("they do not depend on anything that has gradients"));
            }

            Derivatives.OfSum(outputs, by);
        }
        catch (ExternalException e)
        {
            throw new QuantizationException(message(e.Message.Split('\n')[0]), e);
        }
    }
}

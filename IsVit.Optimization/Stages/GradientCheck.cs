using System.Runtime.InteropServices;
using IsVit.Core.Arithmetic;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Goes back through the float model with one image, so that a model that cannot be differentiated is known before the first costly step.</summary>
internal static class GradientCheck
{
    /// <summary>Why there may be no derivatives.</summary>
    public const string Causes = "a forward under no_grad or inference_mode, detach(), argmax, or a tensor changed in place after it was read";
    /// <summary>What can be done then.</summary>
    public const string OtherRecipe = $"follow a recipe without the stage, such as '{RecipeNames.RepQ}'";

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

        // Of a model that takes indices of tokens alone, frozen parameters would be all that has gradients.
        using var trainable = ReachParameters(context.Graph.Model, sample);
        Require(
            () => context.Graph.Forward.Run(sample),
            [.. sample.Inputs.Where(static input => input.requires_grad), .. context.Graph.Model.parameters()],
            reason => $"{needer} needs the derivatives of the model's outputs, and the model gives none ({reason}). Look for {Causes}, or {otherwise}.");
    }

    /// <summary>Lets gradients reach a model's parameters where they reach none of its inputs; null where they do.</summary>
    public static TrainableScope? ReachParameters(nn.Module model, SampleBatch sample) =>
        sample.Inputs.Any(static input => is_floating_point(input)) ? null : new TrainableScope(model, [.. model.parameters().Where(static parameter => is_floating_point(parameter))]);

    /// <summary>Goes forward and back.</summary>
    /// <param name="forward">Gives outputs.</param>
    /// <param name="by">What the derivatives are wanted by.</param>
    /// <param name="message">Makes an error of a reason.</param>
    /// <exception cref="QuantizationException">There are no derivatives.</exception>
    public static void Require(Func<IReadOnlyList<Tensor>> forward, IReadOnlyList<Tensor> by, Func<string, string> message)
    {
        try
        {
            var outputs = forward().Where(static output => output.requires_grad && output.numel() > 0).ToList();
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

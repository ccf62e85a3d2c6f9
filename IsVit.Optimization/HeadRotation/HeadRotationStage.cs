using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.HeadRotation;

/// <summary>
/// Multiplies the queries and keys of every head by a random orthogonal matrix, and its values by another one whose transpose is folded into the layer after attention. The float function does not change;
/// outliers of single channels, which widen a quantizer's range, are spread over all channels of a head (as QuaRot does in language models; Ashkboos et al., arXiv 2404.00456).
/// </summary>
/// <remarks>
/// Works on the attentions that the model or the caller declared (<see cref="ModuleGraph.Attentions"/>), and belongs before every stage that changes parameters or calibrates. The rotations are folded
/// into the weights: inference costs nothing more. The seed determines the matrices.
/// </remarks>
public sealed class HeadRotationStage : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => StageNames.HeadRotation;

    bool IQuantizationStage.IsPreparation => true;

    /// <inheritdoc/>
    /// <exception cref="QuantizationException">The rotation changes the float model's output: a declared attention does not compute what was declared.</exception>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Graph.Attentions.Count == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var function = new FloatFunction(context, context.FirstSample);
        for (var i = 0; i < context.Graph.Attentions.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            Rotate(context, i);
        }

        if (function.Change() is { } change)
        {
            throw new QuantizationException(
                FormattableString.Invariant($"Rotating the heads of the attention declared at {string.Join(", ", Culprits(context, function))} changed the float model's output by {change:p1}, where only rounding is expected. Its heads lie elsewhere, or more than a common factor stands between the layers and the products; correct the declaration, or leave the pair out."));
        }

        context.ResetFloatReference();
    }

    // One look at the whole is enough where all is well; only where it is not does each attention get one of its own.
    private static List<string> Culprits(QuantizationContext context, FloatFunction function)
    {
        var all = Enumerable.Range(0, context.Graph.Attentions.Count).ToList();
        var alone = all.FindAll(i =>
        {
            context.FloatParameters.Restore();
            Rotate(context, i);
            return function.Change() is not null;
        });
        return (alone.Count > 0 ? alone : all).ConvertAll(i => context.Graph.Attentions[i]).ConvertAll(static attention => $"'{(attention.Query ?? attention.Value)!.Layer}'");
    }

    private static void Rotate(QuantizationContext context, int index)
    {
        var attention = context.Graph.Attentions[index];
        var random = new Random(unchecked((context.Options.Seed * 1009) + index));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        for (var head = 0; head < attention.HeadCount; head++)
        {
            if (attention is { Query: { } query, Key: { } key } && MayRotate(context, query.Layer, key.Layer))
            {
                var rotation = RandomRotation.Create(query.Width, random);
                RotateOutputs(Layer(context, query.Layer), query.FirstOf(head), rotation);
                RotateOutputs(Layer(context, key.Layer), key.FirstOf(head), rotation);
            }

            if (attention is { Value: { } value, Output: { } output } && MayRotate(context, value.Layer, output))
            {
                var rotation = RandomRotation.Create(value.Width, random);
                RotateOutputs(Layer(context, value.Layer), value.FirstOf(head), rotation);
                Replace(Layer(context, output).weight.narrow(1, (long)head * value.Width, value.Width), columns => BatchedProduct.Of(columns, rotation.transpose(0, 1)));
            }
        }
    }

    // A rotation leaves no zero.
    private static bool MayRotate(QuantizationContext context, params ReadOnlySpan<string> layers)
    {
        foreach (var layer in layers)
        {
            if (context.Kept?.ZerosOf(layer) is not null)
            {
                return false;
            }
        }

        return true;
    }

    private static void RotateOutputs(Linear layer, long first, Tensor rotation)
    {
        foreach (var parameter in new[] { layer.weight, layer.bias })
        {
            if (parameter is not null)
            {
                Replace(parameter.narrow(0, first, rotation.shape[0]), columns => BatchedProduct.Of(rotation, columns));
            }
        }
    }

    private static void Replace(Tensor part, Func<Tensor, Tensor> change) => part.copy_(change(part.detach().cpu().to(float64)));

    private static Linear Layer(QuantizationContext context, string path) => (Linear)context.Graph.Modules[path];
}

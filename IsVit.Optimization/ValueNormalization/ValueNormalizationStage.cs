using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Optimization.Calibration;
using IsVit.Optimization.Effort;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.ValueNormalization;

/// <summary>
/// Gives what attention makes of its values the same mean and size in every channel, so that one table of levels fits all of them: each channel of the values loses its mean and is divided by its size, and the
/// layer behind takes both up. The float function stays as it is, for attention averages: what all tokens have in common goes through it unchanged.
/// </summary>
/// <remarks>
/// Works on the attentions that the model or the caller declared (<see cref="ModuleGraph.Attentions"/>), and belongs before every stage that calibrates. Means and sizes are those of what the layer behind reads,
/// over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images, tokens counting by <see cref="QuantizationContext.VectorWeights"/>. Inference costs nothing more; where rounded attentions of a row
/// do not sum to 1, what the tokens have in common no longer suffers.
/// </remarks>
public sealed class ValueNormalizationStage : IQuantizationStage, ICostedStage
{
    /// <inheritdoc/>
    public string Name => StageNames.ValueNormalization;

    StageWork ICostedStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => new(Math.Min(images, options.Calibration.StatisticsImageCount), 0);

    /// <inheritdoc/>
    /// <exception cref="QuantizationException">The change does not cancel: a declared attention does something else with its values than to average them.</exception>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var attentions = context.Graph.Attentions.Where(static attention => attention is { Value: not null, Output: not null }).ToList();
        if (attentions.Count == 0)
        {
            return;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var function = new FloatFunction(context, context.Batches[0].narrow(0, 0, 1));
        var spreads = attentions.ConvertAll(attention => new ChannelSpread(
            (nn.Module<Tensor, Tensor>)context.Graph.Modules[attention.Output!], context.VectorWeights.GetValueOrDefault(attention.Output!)));
        try
        {
            using (context.Attachment.Suspend())
            using (context.FloatParameters.Use())
            {
                LayerObserver.Observe((nn.Module<Tensor, Tensor>)context.Graph.Model, CalibrationBatches.ForStatistics(context), spreads, context.CancellationToken);
            }

            for (var i = 0; i < attentions.Count; i++)
            {
                Normalize(context.Graph, attentions[i], spreads[i]);
            }
        }
        finally
        {
            spreads.ForEach(static spread => spread.Dispose());
        }

        if (function.Change() is { } change)
        {
            throw new QuantizationException(
                $"Taking means and sizes of attention's values to the layers behind changed the float model's output by {change:p1}, where only rounding is expected; the attentions declared at {string.Join(", ", attentions.Select(static attention => $"'{attention.Value!.Layer}'"))} do something else with their values than to average them. Correct the declaration, or leave the values out.");
        }

        context.RestateFloatModel();
    }

    private static void Normalize(ModuleGraph graph, AttentionDeclaration attention, ChannelSpread spread)
    {
        using var scope = NewDisposeScope();
        var rows = attention.Value!;
        var (values, reader) = ((Linear)graph.Modules[rows.Layer], (Linear)graph.Modules[attention.Output!]);
        var (means, sizes) = spread.MeansAndSizes();

        // Without a bias on either side there is nowhere for a mean to go.
        if (values.bias is null || reader.bias is null)
        {
            means = zeros_like(means);
        }

        // The bias first: of a model in float64 this is the weight itself, not a copy.
        var weight = reader.weight.detach().cpu().to(float64);
        reader.bias?.copy_(reader.bias.detach().cpu().to(float64).Plus(weight.matmul(means)));
        reader.weight.copy_(weight * sizes);
        for (var head = 0; head < attention.HeadCount; head++)
        {
            var (mean, size) = (means.narrow(0, (long)head * rows.Width, rows.Width), sizes.narrow(0, (long)head * rows.Width, rows.Width));
            var own = values.weight.narrow(0, rows.FirstOf(head), rows.Width);
            own.copy_(own.detach().cpu().to(float64) / size.unsqueeze(1));
            if (values.bias is { } bias)
            {
                var part = bias.narrow(0, rows.FirstOf(head), rows.Width);
                part.copy_((part.detach().cpu().to(float64) - mean) / size);
            }
        }
    }
}

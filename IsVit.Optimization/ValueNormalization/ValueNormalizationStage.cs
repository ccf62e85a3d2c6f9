using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.ValueNormalization;

/// <summary>
/// Makes the channels of attention's values similar, before attention and after it, as far as one factor per channel can, so that one table of levels fits all of them in both places: each channel's mean is subtracted and the
/// channel is divided by its size, and both are folded into the layer after attention. The float function does not change, because attention averages: what all tokens have in common passes through it unchanged.
/// </summary>
/// <remarks>
/// Works on the attentions that the model or the caller declared (<see cref="ModuleGraph.Attentions"/>), and belongs before every stage that calibrates. A channel's mean is taken over the inputs of the layer after attention; its
/// size is the geometric mean of its standard deviations there and among the values. A head that averages many tokens retains little of its values, one that picks single tokens retains all, and either deviation alone would make
/// the channels dissimilar in the other place. Both are measured over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images, with tokens weighted by <see cref="QuantizationContext.Importance"/>. Inference costs
/// nothing more; where the rounded attentions of a row do not sum to 1, the common part of the tokens is no longer affected.
/// </remarks>
public sealed class ValueNormalizationStage : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => StageNames.ValueNormalization;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => [StageNames.HeadRotation];

    /// <inheritdoc/>
    public IReadOnlyCollection<Type> Reads => [typeof(OutputImportance)];

    bool IQuantizationStage.IsPreparation => true;

    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => new(Math.Min(images, options.Calibration.StatisticsImageCount), 0);

    /// <inheritdoc/>
    /// <exception cref="QuantizationException">The change does not cancel: a declared attention does something other than averaging its values.</exception>
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
        using var function = new FloatFunction(context, context.FirstSample);
        var read = attentions.ConvertAll(attention => Spread(context, attention.Output!, outputs: null));
        var values = attentions.ConvertAll(attention => Spread(context, attention.Value!.Layer, Rows(attention)));
        try
        {
            using (context.Attachment.Suspend())
            using (context.FloatParameters.Use())
            {
                LayerObserver.Observe(context.Graph.Forward, CalibrationBatches.ForStatistics(context), [.. read, .. values], context.CancellationToken);
            }

            for (var i = 0; i < attentions.Count; i++)
            {
                Normalize(context.Graph, attentions[i], values[i], read[i]);
            }
        }
        finally
        {
            read.ForEach(static spread => spread.Dispose());
            values.ForEach(static spread => spread.Dispose());
        }

        if (function.Change() is { } change)
        {
            throw new QuantizationException(
                FormattableString.Invariant($"Taking means and sizes of attention's values to the layers behind changed the float model's output by {change:p1}, where only rounding is expected; the attentions declared at {string.Join(", ", attentions.Select(static attention => $"'{attention.Value!.Layer}'"))} do something else with their values than to average them. Correct the declaration, or leave the values out."));
        }

        context.ResetFloatReference();
    }

    private static ChannelSpread Spread(QuantizationContext context, string path, long[]? outputs) =>
        new((nn.Module<Tensor, Tensor>)context.Graph.Modules[path], outputs, context.Importance.OfLayer(path));

    private static long[] Rows(AttentionDeclaration attention) =>
        [.. Enumerable.Range(0, attention.HeadCount).SelectMany(head => Enumerable.Range(0, attention.Value!.Width).Select(channel => attention.Value.FirstOf(head) + channel))];

    // As multiples of the channels' mean size; 1 for a channel that does not vary.
    private static Tensor Sizes(Tensor values, Tensor read)
    {
        var sizes = (values * read).sqrt();
        sizes = sizes / sizes.mean();
        return where(sizes.gt(zeros_like(sizes)).logical_and(sizes.isfinite()), sizes, ones_like(sizes));
    }

    private static void Normalize(ModuleGraph graph, AttentionDeclaration attention, ChannelSpread valueSpread, ChannelSpread readSpread)
    {
        using var scope = NewDisposeScope();
        var rows = attention.Value!;
        var (values, reader) = ((Linear)graph.Modules[rows.Layer], (Linear)graph.Modules[attention.Output!]);
        var (means, deviations) = readSpread.MeansAndDeviations();
        var sizes = Sizes(valueSpread.MeansAndDeviations().Deviations, deviations);

        // Without a bias on either side there is nowhere for a mean to go.
        if (values.bias is null || reader.bias is null)
        {
            means = zeros_like(means);
        }

        // The bias first: of a model in float64 this is the weight itself, not a copy.
        var weight = reader.weight.detach().cpu().to(float64);
        reader.bias?.copy_(reader.bias.detach().cpu().to(float64).Plus(BatchedProduct.Of(weight, means)));
        reader.weight.copy_(weight * sizes);
        var channels = tensor(Rows(attention), device: values.weight.device);
        values.weight.index_copy_(0, channels, (values.weight.index_select(0, channels).cpu().to(float64) / sizes.unsqueeze(1)).to(values.weight));
        values.bias?.index_copy_(0, channels, ((values.bias.index_select(0, channels).cpu().to(float64) - means) / sizes).to(values.bias));
    }
}

using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.BiasCorrection;

/// <summary>
/// Shifts every layer's bias so that, over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images, the mean of each of its output channels equals the float model's again (bias correction;
/// Nagel et al., arXiv 1906.04721, section 4.2). Layers are corrected in execution order, each with all layers before it quantized and corrected; those that run several times in one forward come last, and the mean is that of all their calls. The vectors are weighted in the means by
/// <see cref="QuantizationContext.Importance"/>.
/// </summary>
/// <remarks>Rounding to few bits shifts the means by far more than a bias can move at the learning rate of a short reconstruction.</remarks>
public sealed class BiasCorrectionStage : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => StageNames.BiasCorrection;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => [StageNames.WeightCalibration];

    /// <inheritdoc/>
    public IReadOnlyCollection<Type> Reads => [typeof(OutputImportance)];

    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => new(3.5 * Math.Min(images, options.Calibration.StatisticsImageCount), 0);

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var batches = CalibrationBatches.ForStatistics(context);
        var layers = Layers(context);
        try
        {
            var wanted = FloatMeans(context, layers.ConvertAll(static layer => layer.Means), batches);
            var pairs = layers.Zip(wanted, static (layer, mean) => (layer.Means, Mean: mean, layer.Repeats)).ToList();
            Correct(context, [.. pairs.Where(static pair => !pair.Repeats).Select(static pair => (pair.Means, pair.Mean))], batches);
            foreach (var (means, mean, _) in pairs.Where(static pair => pair.Repeats))
            {
                CorrectRepeated(context, means, mean, batches);
            }
        }
        finally
        {
            layers.ForEach(static layer => layer.Means.Dispose());
        }
    }

    // Sites are listed in the order in which their modules run.
    private static List<(ChannelMeans Means, bool Repeats)> Layers(QuantizationContext context) =>
    [
        .. context.Attachment.Bindings
            .Where(binding => binding.State == SiteState.Quantized && context.Graph.Units.Any(unit => unit.Contains(binding.Site.Path)))
            .Select(static binding => binding.Site.Path)
            .Distinct(StringComparer.Ordinal)
            .Select(path => (Path: path, Module: context.Graph.Modules[path]))
            .Where(static layer => SiteWeights.HasWeight(layer.Module) && SiteWeights.GetBias(layer.Module) is not null)
            .Select(layer => (new ChannelMeans((nn.Module<Tensor, Tensor>)layer.Module, context.Importance.OfLayer(layer.Path)), context.Graph.Repeated.Contains(layer.Path))),
    ];

    private static void Correct(QuantizationContext context, List<(ChannelMeans Means, Tensor Wanted)> layers, IReadOnlyList<SampleBatch> batches)
    {
        using var flow = UnitFlow.OfLayers(context.Attachment, batches, [.. layers.Select(static layer => layer.Means.Layer)]);
        for (var i = 0; i < layers.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var outputs = flow.AdvanceToLayer(i, context.CancellationToken);
            var (means, wanted) = layers[i];
            foreach (var output in outputs)
            {
                means.Add(output);
            }

            // What stands behind the layer becomes what the new bias would have made it.
            var difference = Shift(means, wanted);
            foreach (var output in outputs)
            {
                VectorWeights.ChannelsLast(means.Layer, output).PlusInPlace(difference);
            }
        }
    }

    // A forward cannot halt behind all calls of a layer at once.
    private static void CorrectRepeated(QuantizationContext context, ChannelMeans means, Tensor wanted, IReadOnlyList<SampleBatch> batches)
    {
        using var scope = NewDisposeScope();
        LayerObserver.Observe(context.Graph.Forward, batches, [means], context.CancellationToken);
        Shift(means, wanted);
    }

    private static Tensor Shift(ChannelMeans means, Tensor wanted)
    {
        var bias = SiteWeights.GetBias(means.Layer)!;
        var difference = (wanted - means.Mean()).to(bias.dtype);
        bias.PlusInPlace(difference);
        return difference;
    }

    private static List<Tensor> FloatMeans(QuantizationContext context, List<ChannelMeans> layers, IReadOnlyList<SampleBatch> batches)
    {
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        LayerObserver.Observe(context.Graph.Forward, batches, layers, context.CancellationToken);
        return [.. layers.Select(static layer => layer.Mean())];
    }
}

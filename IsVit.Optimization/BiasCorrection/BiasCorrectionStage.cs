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
/// Nagel et al., arXiv 1906.04721, section 4.2). Layers are corrected in execution order, each with all layers before it quantized and corrected. The vectors are weighted in the means by
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
            Correct(context, layers, FloatMeans(context, layers, batches), batches);
        }
        finally
        {
            layers.ForEach(static layer => layer.Dispose());
        }
    }

    // Sites are listed in the order in which their modules run.
    private static List<ChannelMeans> Layers(QuantizationContext context) =>
    [
        .. context.Attachment.Bindings
            .Where(binding => binding.State == SiteState.Quantized && context.Graph.Units.Any(unit => unit.Contains(binding.Site.Path)))
            .Select(static binding => binding.Site.Path)
            .Distinct(StringComparer.Ordinal)
            .Select(path => (Path: path, Module: context.Graph.Modules[path]))
            .Where(static layer => SiteWeights.HasWeight(layer.Module) && SiteWeights.GetBias(layer.Module) is not null)
            .Select(layer => new ChannelMeans((nn.Module<Tensor, Tensor>)layer.Module, context.Importance.OfLayer(layer.Path))),
    ];

    private static void Correct(QuantizationContext context, List<ChannelMeans> layers, List<Tensor> wanted, IReadOnlyList<SampleBatch> batches)
    {
        using var flow = UnitFlow.OfLayers(context.Attachment, batches, [.. layers.Select(static layer => layer.Layer)]);
        for (var i = 0; i < layers.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var outputs = flow.AdvanceToLayer(i, context.CancellationToken);
            foreach (var output in outputs)
            {
                layers[i].Add(output);
            }

            // What stands behind the layer becomes what the new bias would have made it.
            var bias = SiteWeights.GetBias(layers[i].Layer)!;
            var difference = (wanted[i] - layers[i].Mean()).to(bias.dtype);
            bias.PlusInPlace(difference);
            foreach (var output in outputs)
            {
                VectorWeights.ChannelsLast(layers[i].Layer, output).PlusInPlace(difference);
            }
        }
    }

    private static List<Tensor> FloatMeans(QuantizationContext context, List<ChannelMeans> layers, IReadOnlyList<SampleBatch> batches)
    {
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        LayerObserver.Observe(context.Graph.Forward, batches, layers, context.CancellationToken);
        return [.. layers.Select(static layer => layer.Mean())];
    }
}

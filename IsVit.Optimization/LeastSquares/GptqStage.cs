using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.LeastSquares;

/// <summary>
/// Changes weights so that, over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images, their codes are those that change the layers' outputs least instead of the nearest ones:
/// each weight's rounding error is compensated by the weights beside it (GPTQ; Frantar et al., arXiv 2210.17323). Units are processed in execution order, each on the
/// outputs of the units before it, quantized and compensated. Errors are weighted by <see cref="QuantizationContext.Importance"/>. Before that, quantizers that implement <see cref="IImportanceQuantizer"/> are
/// calibrated again, with each weight weighted by the variance of the input that it multiplies.
/// </summary>
/// <remarks>
/// Weights remain float values that round to the nearest code, so that a reconstruction can continue from them. Layers whose weights are not quantized
/// keep them, and so do grouped convolutions and layers whose weight quantizer has scales along an axis other than the output channels.
/// </remarks>
public sealed class GptqStage : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => StageNames.Gptq;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => [StageNames.WeightCalibration];

    /// <inheritdoc/>
    public IReadOnlyCollection<Type> Reads => [typeof(OutputImportance)];

    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => new(4.6 * Math.Min(images, options.Calibration.StatisticsImageCount), 0);

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var batches = CalibrationBatches.ForStatistics(context);
        using var flow = new UnitFlow(context.Attachment, batches);
        foreach (var unit in context.Graph.Units)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var sites = context.Attachment.Bindings.Where(binding => Supports(context.Graph, unit, binding)).ToList();
            if (sites.Count > 0)
            {
                Compensate(context, unit, sites, flow.AdvanceToInput(unit, context.CancellationToken));
            }
        }
    }

    private static bool Supports(ModuleGraph graph, Unit unit, SiteBinding binding) =>
        binding.IsWeight
        && binding.State == SiteState.Quantized
        && unit.Contains(binding.Site.Path)
        && LayerMoments.Supports(graph.Modules[binding.Site.Path])
        && GptqRounding.Supports(binding.Quantizer, SiteWeights.Get(graph, binding.Site));

    private static void Compensate(QuantizationContext context, Unit unit, List<SiteBinding> sites, IReadOnlyList<PackedTensors> inputs)
    {
        var moments = sites.ConvertAll(site => new LayerMoments(
            (nn.Module<Tensor, Tensor>)context.Graph.Modules[site.Site.Path],
            context.Importance.OfLayer(site.Site.Path)));
        try
        {
            LayerObserver.Observe(context.Graph.Modules[unit.Path], inputs, moments, context.CancellationToken);
            for (var i = 0; i < sites.Count; i++)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                Compensate(context, sites[i], moments[i]);
            }
        }
        finally
        {
            moments.ForEach(static moment => moment.Dispose());
        }
    }

    private static void Compensate(QuantizationContext context, SiteBinding site, LayerMoments moments)
    {
        using var scope = NewDisposeScope();
        var graph = context.Graph;
        var module = graph.Modules[site.Site.Path];

        // A bias takes up what a rounding error does to the mean, and is set by bias correction or reconstruction.
        if (moments.Products(site.Site.Path, centred: SiteWeights.GetBias(module) is not null) is { } products)
        {
            var weight = SiteWeights.Get(graph, site.Site);
            if (site.Quantizer is IImportanceQuantizer quantizer)
            {
                quantizer.Calibrate(weight, GptqRounding.Importance(weight, products, moments.Inputs.Count));
            }

            weight.copy_(GptqRounding.Apply(weight, products, moments.Inputs.Count, site.Quantizer, context.Kept?.ZerosOf(site.Site.Path)));
        }
    }
}

using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Optimization.Calibration;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.BiasCorrection;

/// <summary>
/// Moves every layer's bias so that, over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images, the mean of each of its output channels is the float model's again (bias correction;
/// Nagel et al., arXiv 1906.04721, section 4.2). Layers are taken in the order in which they run, each with all before it quantized and corrected. Vectors count in the means by
/// <see cref="QuantizationContext.VectorWeights"/>.
/// </summary>
/// <remarks>Rounding at few bits shifts means by far more than a short reconstruction's learning rate can move a bias.</remarks>
public sealed class BiasCorrectionStage : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => StageNames.BiasCorrection;

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        var batches = CalibrationBatches.ForStatistics(context);
        using var floatFlow = new FloatFlow(context, batches);
        using var quantizedFlow = new UnitFlow(context.Attachment, batches);
        for (var i = 0; i < context.Graph.Units.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var layers = Layers(context, context.Graph.Units[i]);
            try
            {
                if (layers.Count > 0)
                {
                    Correct(context, i, layers, floatFlow, quantizedFlow);
                }
            }
            finally
            {
                layers.ForEach(static layer => layer.Dispose());
            }
        }
    }

    // Sites are listed in the order in which their modules run.
    private static List<ChannelMeans> Layers(QuantizationContext context, Unit unit) =>
    [
        .. context.Attachment.Bindings
            .Where(binding => binding.State == SiteState.Quantized && unit.Contains(binding.Site.Path))
            .Select(static binding => binding.Site.Path)
            .Distinct(StringComparer.Ordinal)
            .Select(path => (Path: path, Module: context.Graph.Modules[path]))
            .Where(static layer => SiteWeights.HasWeight(layer.Module) && SiteWeights.GetBias(layer.Module) is not null)
            .Select(layer => new ChannelMeans((nn.Module<Tensor, Tensor>)layer.Module, context.VectorWeights.GetValueOrDefault(layer.Path))),
    ];

    private static void Correct(QuantizationContext context, int index, List<ChannelMeans> layers, FloatFlow floatFlow, UnitFlow quantizedFlow)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var unit = context.Graph.Units[index];
        var module = (nn.Module<Tensor, Tensor>)context.Graph.Modules[unit.Path];
        var floatInputs = floatFlow.AdvanceToInput(index);
        List<Tensor> wanted;
        using (floatFlow.InFloat(index))
        {
            wanted = Measure(module, floatInputs, layers, context.CancellationToken);
        }

        var inputs = quantizedFlow.AdvanceToInput(unit, context.CancellationToken);
        for (var i = 0; i < layers.Count; i++)
        {
            var found = Measure(module, inputs, [layers[i]], context.CancellationToken)[0];
            var bias = SiteWeights.GetBias(layers[i].Layer)!;
            bias.PlusInPlace((wanted[i] - found).to(bias.dtype));
        }
    }

    private static List<Tensor> Measure(nn.Module<Tensor, Tensor> unit, IReadOnlyList<Tensor> inputs, List<ChannelMeans> layers, CancellationToken cancellationToken)
    {
        LayerObserver.Observe(unit, inputs, layers, cancellationToken);
        return [.. layers.Select(static layer => layer.Mean())];
    }
}

using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;

namespace IsVit.Optimization.Calibration;

/// <summary>Calibrates every weight quantizer on the current weights, and quantizes weights from then on.</summary>
public sealed class WeightCalibrationStage : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => StageNames.WeightCalibration;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => [StageNames.HeadRotation, StageNames.ValueNormalization, StageNames.Reparameterization];

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        foreach (var binding in context.Attachment.Bindings.Where(static binding => binding.IsWeight))
        {
            Calibrate(context, binding);
            binding.State = SiteState.Quantized;
        }
    }

    /// <summary>Lets the quantizer of a weight choose its parameters.</summary>
    internal static void Calibrate(QuantizationContext context, SiteBinding binding)
    {
        context.CancellationToken.ThrowIfCancellationRequested();
        using var weight = SiteWeights.Get(context.Graph, binding.Site).detach();
        try
        {
            binding.Quantizer.Calibrate(weight);
        }
        catch (QuantizationException e)
        {
            throw new QuantizationException($"Site '{binding.Site.Id}': {e.Message}", e);
        }
    }
}

using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;

namespace IsVit.Optimization.Reparameterization;

/// <summary>
/// SOS stage 2: converts every per-channel quantizer of a LayerNorm's output to a per-tensor one that gives the same codes, see
/// <see cref="ScaleReparameterization"/>. The network's output changes only by floating-point rounding.
/// </summary>
public sealed class ReparameterizationStage : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => StageNames.Reparameterization;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => [StageNames.ActivationCalibration];

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var groups = context.Attachment.Bindings
            .Where(static binding => binding.Site is { Role: SiteRole.PostLayerNorm, Producer: not null } && binding.Quantizer.Granularity is Granularity.PerChannel)
            .GroupBy(static binding => binding.Site.Producer!, StringComparer.Ordinal)
            .ToList();
        if (groups.Count == 0)
        {
            return;
        }

        using var function = new FloatFunction(context, context.Batches[0]);
        foreach (var group in groups)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            Reparameterize(context, group.Key, [.. group]);
        }

        if (function.Change() is { } change)
        {
            throw new QuantizationException(
                FormattableString.Invariant($"Moving the LayerNorm scales changed the float model's output by {change:p1}, where only rounding is expected. Something reads a LayerNorm's output that the trace cannot see, such as a residual addition; declare those sites' role as {nameof(SiteRole.Other)}."));
        }
    }

    private static void Reparameterize(QuantizationContext context, string producer, IReadOnlyList<SiteBinding> readers)
    {
        var norm = (LayerNorm)context.Graph.Modules[producer];
        var layers = readers.Select(reader => (Linear)context.Graph.Modules[reader.Site.Path]).ToList();
        if (readers[0].Quantizer is not IReparameterizableQuantizer before)
        {
            throw new QuantizationException(
                $"Site '{readers[0].Site.Id}' has a per-channel quantizer of scheme '{readers[0].Quantizer.Scheme}', whose channels share no grid that could be left when their scales move into '{producer}'; expected an {nameof(IReparameterizableQuantizer)}.");
        }

        var (after, ratios, shifts) = before.ToCommonGrid(ScaleReparameterization.LiveChannels(norm));
        var constants = ScaleReparameterization.Apply(norm, layers, ratios, shifts);
        after.MoveTo(norm.weight!.device);
        foreach (var reader in readers)
        {
            reader.Replace(after, context.Attachment);
        }

        Log.Reparameterized(context.Logger, producer, ratios.Count, constants);
    }
}

using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reparameterization;

/// <summary>
/// SOS stage 2: every per-channel quantizer of a LayerNorm's output becomes a per-tensor one that gives the same codes, see
/// <see cref="ScaleReparameterization"/>. The network's output changes by no more than rounding.
/// </summary>
public sealed class ReparameterizationStage : IQuantizationStage
{
    // The float function must stay the same but for rounding. The quantized one is no measure of that: one code that rounding flips, in one
    // activation out of a million, moves the codes of the layers behind it, and so on through the network.
    private const double Tolerance = 1e-3;
    private const double HalfPrecisionTolerance = 0.05;

    /// <inheritdoc/>
    public string Name => StageNames.Reparameterization;

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        var before = FloatOutput(context);
        var groups = context.Attachment.Bindings
            .Where(static binding => binding.Site is { Role: SiteRole.PostLayerNorm, Producer: not null } && binding.Quantizer.Granularity is Granularity.PerChannel)
            .GroupBy(static binding => binding.Site.Producer!, StringComparer.Ordinal)
            .ToList();
        foreach (var group in groups)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            Reparameterize(context, group.Key, [.. group]);
        }

        var change = ((FloatOutput(context) - before).norm() / before.norm().clamp_min(1e-30)).to(float64).item<double>();
        var tolerance = context.Batches[0].dtype is ScalarType.Float32 or ScalarType.Float64 ? Tolerance : HalfPrecisionTolerance;
        if (!(change <= tolerance))
        {
            throw new QuantizationException(
                $"Moving the LayerNorm scales changed the float model's output by {change:p1}, where only rounding is expected. Something reads a LayerNorm's output that the trace cannot see, such as a residual addition; declare those sites' role as {nameof(SiteRole.Other)}.");
        }
    }

    private static Tensor FloatOutput(QuantizationContext context)
    {
        using var noGrad = no_grad();
        using var suspended = context.Attachment.Suspend();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(context.Graph.Model.call(context.Batches[0]).to(float32));
    }

    private static void Reparameterize(QuantizationContext context, string producer, IReadOnlyList<SiteBinding> readers)
    {
        var norm = (LayerNorm)context.Graph.Modules[producer];
        var layers = readers.Select(reader => (Linear)context.Graph.Modules[reader.Site.Path]).ToList();
        var before = readers[0].Quantizer;
        var parameters = before.ExportParameters();
        if (!parameters.Values.TryGetValue("scale", out var scales) || !parameters.Values.TryGetValue("zero_point", out var zeroPoints))
        {
            throw new QuantizationException(
                $"Site '{readers[0].Site.Id}' has a per-channel quantizer of scheme '{before.Scheme}', which has no scale and zero point to move into '{producer}'; expected a uniform one.");
        }

        var (scale, zeroPoint, constants) = ScaleReparameterization.Apply(norm, layers, scales, zeroPoints);

        var after = context.Quantizers.Create(new QuantizerSpec(before.Scheme, before.Bits, Granularity.Tensor), isWeight: false);
        var values = new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal) { ["scale"] = [scale], ["zero_point"] = [zeroPoint] };
        after.ImportParameters(new QuantizationParameters(before.Scheme, before.Bits, Granularity.Tensor, values, parameters.Options));
        after.MoveTo(norm.weight.device);
        foreach (var reader in readers)
        {
            reader.Replace(after, context.Attachment);
        }

        Log.Reparameterized(context.Logger, producer, norm.weight.numel(), constants, zeroPoint);
    }
}

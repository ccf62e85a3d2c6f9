using IsVit.Core.Samples;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The images of a reconstruction and what the float model gives for them.</summary>
/// <param name="images">The images.</param>
/// <param name="wanted">The outputs, each [images, ...].</param>
internal sealed class ModelOutputs(ActivationCache images, ActivationCache wanted)
{
    /// <summary>The images.</summary>
    public ActivationCache Images { get; } = images;

    /// <summary>What the float model gives for them.</summary>
    public ActivationCache Wanted { get; } = wanted;

    /// <summary>Runs the float model; the open dispose scope owns what it gives.</summary>
    /// <param name="context">The run.</param>
    /// <param name="batches">The images.</param>
    public static ModelOutputs Of(QuantizationContext context, IReadOnlyList<SampleBatch> batches)
    {
        using var noGrad = no_grad();
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        var outputs = batches.Select(batch =>
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            return context.Graph.Forward.Run(batch);
        }).ToList();
        return new(ActivationCache.Of(batches), new(outputs, [.. outputs[0].Select(static _ => 0)], [.. batches.Select(static batch => batch.Count)]));
    }
}

using IsVit.Core.Samples;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The images of a reconstruction and what the float model gives for them.</summary>
internal sealed class ModelOutputs : IDisposable
{
    private readonly List<IReadOnlyList<Tensor>> _wanted = [];

    /// <summary>Runs the float model.</summary>
    /// <param name="context">The run.</param>
    /// <param name="batches">The images; they must outlive the instance.</param>
    public ModelOutputs(QuantizationContext context, IReadOnlyList<SampleBatch> batches)
    {
        using var noGrad = no_grad();
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        try
        {
            foreach (var batch in batches)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();

                // An output may be the caller's own tensor.
                _wanted.Add([.. context.Graph.Forward.Run(batch).Select(static output => output.clone().DetachFromDisposeScope())]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        Images = ActivationCache.Of(batches);
        Wanted = new(_wanted, [.. _wanted[0].Select(static _ => 0)], [.. batches.Select(static batch => batch.Count)]);
    }

    /// <summary>The images.</summary>
    public ActivationCache Images { get; }

    /// <summary>What the float model gives for them, each [images, ...].</summary>
    public ActivationCache Wanted { get; }

    public void Dispose()
    {
        foreach (var output in _wanted.SelectMany(static outputs => outputs))
        {
            output.Dispose();
        }
    }
}

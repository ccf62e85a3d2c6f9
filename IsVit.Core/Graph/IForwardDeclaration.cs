using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Defines how a batch of samples is passed through a model. Implemented by a root module that takes something other than its inputs as tensors, or that returns more than the relevant outputs.</summary>
public interface IForwardDeclaration
{
    /// <summary>Runs a batch. Modules must be called through <c>call</c>: hooks do not fire on <c>forward</c>.</summary>
    /// <param name="batch">A tensor for each input, [samples, ...].</param>
    /// <returns>The relevant outputs, one or more, each with the samples along its first axis. A detector returns the outputs of its heads, before any selection or sorting.</returns>
    IReadOnlyList<Tensor> ForwardBatch(SampleBatch batch);

    /// <summary>What each of these outputs holds, in the same order; empty if the options of a run say it for all of them.</summary>
    IReadOnlyList<OutputDeclaration> DeclareOutputs() => [];
}

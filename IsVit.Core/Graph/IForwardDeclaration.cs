using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>How a batch of samples runs through a model, said by the model itself. Implemented by a root module that takes anything else than its inputs as tensors, or gives more than counts.</summary>
public interface IForwardDeclaration
{
    /// <summary>Runs a batch. Modules must be called through <c>call</c>: hooks fire on it alone.</summary>
    /// <param name="batch">A tensor for each input, [samples, ...].</param>
    /// <returns>The outputs that count, one or more, each with the samples along its first axis. A detector gives what its heads give, before anything is chosen or sorted.</returns>
    IReadOnlyList<Tensor> ForwardBatch(SampleBatch batch);
}

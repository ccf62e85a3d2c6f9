using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>
/// A quantizer whose parameters can be trained by gradient descent, together with the weights of a model (as LSQ learns step sizes; Esser et al., arXiv 1902.08153).
/// </summary>
/// <remarks>
/// Between <see cref="BeginLearning"/> and <see cref="EndLearning"/> the quantizer's parameters are a function of the returned vector, and <see cref="IQuantizer.FakeQuantize"/> is differentiable with respect to it.
/// </remarks>
public interface ILearnableQuantizer : IQuantizer
{
    /// <summary>Begins learning.</summary>
    /// <returns>
    /// A vector of zeros that requires gradients, one entry per learned parameter; each entry is relative to the current parameters (a fraction of a scale or of a step), so that one learning rate works for
    /// every quantizer. It belongs to the quantizer, and is changed in place by an optimizer.
    /// </returns>
    /// <exception cref="QuantizationException">The quantizer is not calibrated, or is already learning.</exception>
    torch.Tensor BeginLearning();

    /// <summary>Ends learning: the vector's current values become the quantizer's parameters, and the vector is disposed. Does nothing if the quantizer is not learning.</summary>
    void EndLearning();
}

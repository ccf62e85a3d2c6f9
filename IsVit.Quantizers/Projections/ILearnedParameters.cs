using TorchSharp;

namespace IsVit.Quantizers.Projections;

/// <summary>The gradient of a trained vector.</summary>
/// <param name="x">The numbers that were quantized.</param>
/// <param name="above">The gradient from above, of the type and shape of <paramref name="x"/>.</param>
/// <param name="passed">What of it passes on to <paramref name="x"/>.</param>
/// <param name="axis">The axis of channels, -1 per tensor.</param>
/// <returns>float32, the shape of the vector, on the CPU.</returns>
internal delegate torch.Tensor VectorGradient(torch.Tensor x, torch.Tensor above, torch.Tensor passed, int axis);

/// <summary>Parameters of a quantizer that are being trained, as a function of one vector.</summary>
internal interface ILearnedParameters : IDisposable
{
    /// <summary>The vector, float32, on the CPU: zeros at the beginning.</summary>
    torch.Tensor Vector { get; }

    /// <summary>What the quantizer does with the vector's present values, and the gradient that a backward pass gives the vector then.</summary>
    (IProjection Projection, VectorGradient Gradient) Present();
}

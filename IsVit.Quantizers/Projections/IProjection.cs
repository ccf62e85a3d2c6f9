using TorchSharp;

namespace IsVit.Quantizers.Projections;

/// <summary>
/// What a calibrated quantizer does to numbers. Unchanging, so that a backward pass uses the parameters of its forward pass even if the quantizer has been
/// calibrated again or disposed of in between. Inputs are float32 or float64, or of a type that is taken as it is; <c>axis</c> is not negative, or -1 per tensor.
/// </summary>
internal interface IProjection
{
    /// <summary>The number of parameter sets, 1 per tensor.</summary>
    int ChannelCount { get; }

    /// <summary>Whether <see cref="Project"/> and <see cref="Gradient"/> take a tensor of fewer bits than float32 without widening it first.</summary>
    bool Supports(torch.Tensor x);

    /// <summary>Numbers to codes, uint8.</summary>
    torch.Tensor Encode(torch.Tensor x, int axis);

    /// <summary>Codes to numbers, float32.</summary>
    torch.Tensor Decode(torch.Tensor codes, int axis);

    /// <summary>Numbers to the numbers that their codes stand for.</summary>
    torch.Tensor Project(torch.Tensor x, int axis);

    /// <summary>The gradient with respect to <paramref name="x"/>, of its type.</summary>
    torch.Tensor Gradient(torch.Tensor x, torch.Tensor gradient, int axis);

    /// <summary>Frees copies of the parameters in native memory; they are made again when needed.</summary>
    void Release();
}

using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>What a weight file says about one of its tensors.</summary>
/// <param name="Name">The name.</param>
/// <param name="DType">The element type as safetensors writes it, e.g. <c>F32</c>, <c>BF16</c>, <c>I64</c>.</param>
/// <param name="ScalarType">The element type as torch names it, or null when TorchSharp has none (U16, U32, U64, 8-bit floats and smaller).</param>
/// <param name="Shape">The shape; empty for a single number.</param>
/// <param name="Offset">Where its data begins, in bytes from the start of the file.</param>
/// <param name="ByteCount">The length of its data in bytes.</param>
public sealed record WeightTensorInfo(
    string Name,
    string DType,
    torch.ScalarType? ScalarType,
    IReadOnlyList<long> Shape,
    long Offset,
    long ByteCount)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {DType} [{string.Join(", ", Shape)}]";
}

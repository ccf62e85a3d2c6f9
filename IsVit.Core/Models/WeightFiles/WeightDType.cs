using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>An element type of a weight file.</summary>
internal sealed record WeightDType(string Name, int Bits, ScalarType? ScalarType)
{
    // Those without a ScalarType are in the safetensors format, but TorchSharp has no tensors of them.
    private static readonly WeightDType[] All =
    [
        new("F64", 64, TorchSharp.torch.ScalarType.Float64),
        new("F32", 32, TorchSharp.torch.ScalarType.Float32),
        new("F16", 16, TorchSharp.torch.ScalarType.Float16),
        new("BF16", 16, TorchSharp.torch.ScalarType.BFloat16),
        new("I64", 64, TorchSharp.torch.ScalarType.Int64),
        new("I32", 32, TorchSharp.torch.ScalarType.Int32),
        new("I16", 16, TorchSharp.torch.ScalarType.Int16),
        new("I8", 8, TorchSharp.torch.ScalarType.Int8),
        new("U8", 8, TorchSharp.torch.ScalarType.Byte),
        new("BOOL", 8, TorchSharp.torch.ScalarType.Bool),
        new("C64", 64, null),
        new("U64", 64, null),
        new("U32", 32, null),
        new("U16", 16, null),
        new("F8_E4M3", 8, null),
        new("F8_E5M2", 8, null),
        new("F8_E8M0", 8, null),
        new("F8_E4M3FNUZ", 8, null),
        new("F8_E5M2FNUZ", 8, null),
        new("F6_E2M3", 6, null),
        new("F6_E3M2", 6, null),
        new("F4", 4, null),
    ];

    private static readonly Dictionary<string, WeightDType> ByName = All.ToDictionary(t => t.Name, StringComparer.Ordinal);

    private static readonly Dictionary<ScalarType, WeightDType> ByScalarType =
        All.Where(t => t.ScalarType is not null).ToDictionary(t => t.ScalarType!.Value);

    public static string SupportedNames { get; } = string.Join(", ", All.Where(t => t.ScalarType is not null).Select(t => t.Name));

    public static bool TryFind(string name, [NotNullWhen(true)] out WeightDType? type) => ByName.TryGetValue(name, out type);

    public static bool TryFind(ScalarType scalarType, [NotNullWhen(true)] out WeightDType? type) => ByScalarType.TryGetValue(scalarType, out type);

    /// <summary>The length in bytes of a tensor, or null when it is no whole number of bytes or too large for an address.</summary>
    public long? ByteCount(IReadOnlyList<long> shape)
    {
        // Without its zeros, so that a shape such as [0, 2^60, 2^60] counts as too large instead of overflowing inside torch.
        Int128 bits = Bits;
        var empty = false;
        foreach (var length in shape)
        {
            empty |= length == 0;
            bits *= Math.Max(length, 1);
            if (bits > (Int128)long.MaxValue)
            {
                return null;
            }
        }

        return empty ? 0 : bits % 8 == 0 ? (long)(bits / 8) : null;
    }
}

using System.Diagnostics.CodeAnalysis;

namespace IsVit.Model.Files;

/// <summary>An element type of the safetensors format.</summary>
/// <param name="Name">The name in the file, e.g. <c>F32</c>.</param>
/// <param name="Bits">The size of an element.</param>
internal sealed record ElementType(string Name, int Bits)
{
    private static readonly Dictionary<string, ElementType> All = new ElementType[]
    {
        new("F64", 64),
        new("F32", 32),
        new("F16", 16),
        new("BF16", 16),
        new("I64", 64),
        new("I32", 32),
        new("I16", 16),
        new("I8", 8),
        new("U8", 8),
        new("BOOL", 8),
        new("C64", 64),
        new("U64", 64),
        new("U32", 32),
        new("U16", 16),
        new("F8_E4M3", 8),
        new("F8_E5M2", 8),
        new("F8_E8M0", 8),
        new("F8_E4M3FNUZ", 8),
        new("F8_E5M2FNUZ", 8),
        new("F6_E2M3", 6),
        new("F6_E3M2", 6),
        new("F4", 4),
    }.ToDictionary(static type => type.Name, StringComparer.Ordinal);

    /// <summary>The names of all element types.</summary>
    public static string Names { get; } = string.Join(", ", All.Keys);

    public static bool TryFind(string name, [NotNullWhen(true)] out ElementType? type) => All.TryGetValue(name, out type);

    /// <summary>The length in bytes of a tensor, or null when it is no whole number of bytes or too large for an address.</summary>
    public long? ByteCount(IReadOnlyList<long> shape)
    {
        // Without its zeros, so that a shape such as [0, 2^60, 2^60] counts as too large instead of overflowing later.
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

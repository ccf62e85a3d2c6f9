using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Model.Quantization;

/// <summary>Codes of b bits packed without gaps: code i has the bits b i to b i + b - 1 of the bytes, lowest bit first. The last byte is padded with zeros.</summary>
public static class PackedCodes
{
    private const int CodesOfWord = 8;

    /// <summary>Returns the number of bytes of packed codes.</summary>
    /// <param name="count">The number of codes.</param>
    /// <param name="bits">Their width.</param>
    public static long ByteCount(long count, BitWidth bits) => checked((count * bits.Bits) + 7) / 8;

    /// <summary>Packs codes.</summary>
    /// <param name="codes">One code per byte, each within the width.</param>
    /// <param name="bits">Their width.</param>
    /// <exception cref="ArgumentException">A code exceeds the width.</exception>
    public static byte[] Pack(ReadOnlySpan<byte> codes, BitWidth bits)
    {
        if (codes.IndexOfAnyExceptInRange((byte)0, (byte)bits.MaxCode) is var wrong and >= 0)
        {
            throw new ArgumentException(FormattableString.Invariant($"Code {wrong} is {codes[wrong]}; expected 0 to {bits.MaxCode} for {bits} bits."), nameof(codes));
        }

        var packed = new byte[ByteCount(codes.Length, bits)];
        var (pending, held, written) = (0u, 0, 0);
        foreach (var code in codes)
        {
            pending |= (uint)code << held;
            held += bits.Bits;
            if (held >= 8)
            {
                packed[written++] = (byte)pending;
                pending >>= 8;
                held -= 8;
            }
        }

        if (held > 0)
        {
            packed[written] = (byte)pending;
        }

        return packed;
    }

    /// <summary>Unpacks codes.</summary>
    /// <param name="packed">The result of <see cref="Pack"/> for the same number of codes.</param>
    /// <param name="bits">Their width.</param>
    /// <param name="codes">Receives the codes, one per byte.</param>
    /// <exception cref="QuantizationException">The bits after the last code are not zero.</exception>
    /// <exception cref="ArgumentException">The number of bytes does not match the number of codes.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack(ReadOnlySpan<byte> packed, BitWidth bits, Span<byte> codes)
    {
        if (packed.Length != ByteCount(codes.Length, bits))
        {
            throw new ArgumentException(FormattableString.Invariant($"{codes.Length} codes of {bits} bits take {ByteCount(codes.Length, bits)} bytes, not {packed.Length}."), nameof(packed));
        }

        // Eight codes are as many bytes as a code has bits.
        var (read, i) = (0, 0);
        if (bits.Bits == 4)
        {
            for (; i <= codes.Length - (2 * Vector128<byte>.Count); i += 2 * Vector128<byte>.Count, read += Vector128<byte>.Count)
            {
                var pairs = Vector128.Create(packed[read..]);
                var (low, high) = (Vector128.Widen(pairs & Vector128.Create((byte)15)), Vector128.Widen(pairs >> 4));
                (low.Lower | (high.Lower << 8)).AsByte().CopyTo(codes[i..]);
                (low.Upper | (high.Upper << 8)).AsByte().CopyTo(codes[(i + Vector128<byte>.Count)..]);
            }
        }

        for (; i <= codes.Length - CodesOfWord && read <= packed.Length - sizeof(ulong); i += CodesOfWord, read += bits.Bits)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(codes[i..], Spread(BinaryPrimitives.ReadUInt64LittleEndian(packed[read..]), bits.Bits));
        }

        Span<byte> last = stackalloc byte[CodesOfWord];
        for (; i < codes.Length; i += CodesOfWord, read += bits.Bits)
        {
            last.Clear();
            packed[read..Math.Min(packed.Length, read + bits.Bits)].CopyTo(last);
            BinaryPrimitives.WriteUInt64LittleEndian(last, Spread(BinaryPrimitives.ReadUInt64LittleEndian(last), bits.Bits));
            last[..Math.Min(CodesOfWord, codes.Length - i)].CopyTo(codes[i..]);
        }

        var padding = (packed.Length * 8L) - ((long)codes.Length * bits.Bits);
        if (padding > 0 && packed[^1] >> (int)(8 - padding) != 0)
        {
            throw new QuantizationException($"the bits behind the last of {codes.Length} codes of {bits} bits are not zero");
        }
    }

    /// <summary>Eight codes without gaps as eight bytes: the upper half of what a part has goes to the upper half of its place, until a part is one code.</summary>
    private static ulong Spread(ulong word, int bits)
    {
        var four = (1UL << (4 * bits)) - 1;
        var two = ((1UL << (2 * bits)) - 1) * 0x0000_0001_0000_0001;
        var one = ((1UL << bits) - 1) * 0x0001_0001_0001_0001;
        word = (word & four) | ((word >> (4 * bits) & four) << 32);
        word = (word & two) | ((word >> (2 * bits) & two) << 16);
        return (word & one) | ((word >> bits & one) << 8);
    }
}

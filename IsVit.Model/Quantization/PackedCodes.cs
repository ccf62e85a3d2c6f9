namespace IsVit.Model.Quantization;

/// <summary>Codes of b bits packed without gaps: code i has the bits b i to b i + b - 1 of the bytes, lowest bit first. The last byte is padded with zeros.</summary>
public static class PackedCodes
{
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
    public static void Unpack(ReadOnlySpan<byte> packed, BitWidth bits, Span<byte> codes)
    {
        if (packed.Length != ByteCount(codes.Length, bits))
        {
            throw new ArgumentException(FormattableString.Invariant($"{codes.Length} codes of {bits} bits take {ByteCount(codes.Length, bits)} bytes, not {packed.Length}."), nameof(packed));
        }

        var (pending, held, read) = (0u, 0, 0);
        for (var i = 0; i < codes.Length; i++)
        {
            if (held < bits.Bits)
            {
                pending |= (uint)packed[read++] << held;
                held += 8;
            }

            codes[i] = (byte)(pending & (uint)bits.MaxCode);
            pending >>= bits.Bits;
            held -= bits.Bits;
        }

        if (pending != 0)
        {
            throw new QuantizationException($"the bits behind the last of {codes.Length} codes of {bits} bits are not zero");
        }
    }
}

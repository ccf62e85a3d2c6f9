using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>A number of libtorch's bfloat16: the upper half of a float32.</summary>
internal readonly struct BFloat16Bits(ushort bits)
{
    /// <summary>The bits of every NaN that <see cref="Narrow"/> makes.</summary>
    public const ushort NaN = 0x7FC0;

    private readonly ushort _bits = bits;

    /// <summary>The number as a float32, exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Widen() => BitConverter.UInt32BitsToSingle((uint)_bits << 16);

    /// <summary>The nearest number, half to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BFloat16Bits Narrow(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        return new(float.IsNaN(x) ? NaN : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }
}

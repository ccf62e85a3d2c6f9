using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IsVit.Runtime.Quantizing;

/// <summary>16 integers from 0 to 255 as bytes, in order.</summary>
internal static class Positions
{
    /// <summary>Of two vectors of 8; needs AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Narrow(Vector256<int> low, Vector256<int> high)
    {
        // Packing works within halves: the quarters of the result are put in order.
        var words = Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsInt16();
        return Sse2.PackUnsignedSaturate(words.GetLower(), words.GetUpper());
    }

    /// <summary>Of four vectors of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Narrow(Vector128<int> first, Vector128<int> second, Vector128<int> third, Vector128<int> fourth) =>
        Vector128.Narrow(Vector128.Narrow(first, second), Vector128.Narrow(third, fourth)).AsByte();
}

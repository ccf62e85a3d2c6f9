using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>Rounding, half to even, for frameworks without a vector instruction for it.</summary>
internal static class RoundByAddition
{
    /// <summary>To the nearest integer, half to even; every bit that of the scalar rounding, but for the sign of a zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Round<TLanes, TNumber>(TLanes x)
        where TLanes : struct, ILanes<TLanes, TNumber>
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    {
        // Adding 2^23 (2^52) leaves no room for a fraction; from there on every number is an integer.
        var integers = TLanes.All(typeof(TNumber) == typeof(float) ? TNumber.CreateTruncating(8388608f) : TNumber.CreateTruncating(4503599627370496.0));
        var zero = TLanes.All(TNumber.Zero);
        var positive = (x + integers) - integers;
        var negative = (x - integers) + integers;
        var rounded = TLanes.Select(TLanes.AtLeast(x, zero), positive, negative);
        var small = TLanes.Both(TLanes.AtLeast(integers, x), TLanes.AtLeast(x, zero - integers));
        return TLanes.Select(small, rounded, x);
    }
}

using System.Runtime.CompilerServices;

namespace IsVit.Runtime.Functions;

/// <summary>e^x = 2^n e^r with n the integer nearest to x / ln 2, and e^r by a polynomial that is within 4.4e-9 of it on |r| at most ln 2 / 2. Relative error with rounding: 1.2e-7.</summary>
internal static class Exponential
{
    /// <summary>Adding 1.5 2^23 leaves no room for a fraction: a number becomes the nearest integer, in the low bits of the sum.</summary>
    private const float Shift = 12582912f;

    private const float Log2E = 1.44269504f;

    // ln 2 in two parts, of which float32 multiplication and addition without a rounding between gets x - n ln 2 to its last bit.
    private const float Ln2High = 0.693147182f;
    private const float Ln2Low = -1.90465432e-9f;

    /// <summary>n, shifted into the low bits, and r. The number must be at most 2^21 in absolute value; a NaN gives an r that is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (TLanes Shifted, TLanes Remainder) Reduce<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        var shifted = TLanes.MultiplyAdd(x, TLanes.All(Log2E), TLanes.All(Shift));
        var n = shifted - TLanes.All(Shift);
        var remainder = TLanes.MultiplyAdd(n, TLanes.All(-Ln2Low), TLanes.MultiplyAdd(n, TLanes.All(-Ln2High), x));
        return (shifted, remainder);
    }

    /// <summary>(e^r - 1) / r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Slope<TLanes>(TLanes r)
        where TLanes : struct, ILanes<TLanes>
    {
        var p = TLanes.MultiplyAdd(TLanes.All(0.0013814465f), r, TLanes.All(0.008368781f));
        p = TLanes.MultiplyAdd(p, r, TLanes.All(0.041668393f));
        p = TLanes.MultiplyAdd(p, r, TLanes.All(0.1666652f));
        p = TLanes.MultiplyAdd(p, r, TLanes.All(0.49999994f));
        return TLanes.MultiplyAdd(p, r, TLanes.All(1f));
    }

    /// <summary>e^x 2^exponent, which must be a normal number. The exponent keeps what is far below 1 from losing bits before a later factor brings it to its size.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes>(TLanes x, int exponent)
        where TLanes : struct, ILanes<TLanes>
    {
        var (shifted, remainder) = Reduce(x);
        return TLanes.MultiplyAdd(Slope(remainder), remainder, TLanes.All(1f)) * TLanes.PowerOfTwo(shifted, exponent);
    }

    /// <summary>e^(x + low) 2^exponent, low being what rounding took from x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes>(TLanes x, TLanes low, int exponent)
        where TLanes : struct, ILanes<TLanes>
    {
        var (shifted, remainder) = Reduce(x);
        remainder += low;
        return TLanes.MultiplyAdd(Slope(remainder), remainder, TLanes.All(1f)) * TLanes.PowerOfTwo(shifted, exponent);
    }
}

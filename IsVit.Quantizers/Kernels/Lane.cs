using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>A single number; a mask is 1 or 0.</summary>
internal readonly unsafe struct Lane<TNumber>(TNumber value) : ILanes<Lane<TNumber>, TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    private readonly TNumber _value = value;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> operator +(Lane<TNumber> left, Lane<TNumber> right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> operator -(Lane<TNumber> left, Lane<TNumber> right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> operator *(Lane<TNumber> left, Lane<TNumber> right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> operator /(Lane<TNumber> left, Lane<TNumber> right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> All(TNumber value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> Load<TElement>(TElement* from)
        where TElement : unmanaged => new(typeof(TElement) == typeof(BFloat16Bits) ? TNumber.CreateTruncating((*(BFloat16Bits*)from).Widen()) : *(TNumber*)from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TElement>(Lane<TNumber> value, TElement* to)
        where TElement : unmanaged
    {
        if (typeof(TElement) == typeof(BFloat16Bits))
        {
            *(BFloat16Bits*)to = BFloat16Bits.Narrow(float.CreateTruncating(value._value));
        }
        else
        {
            *(TNumber*)to = value._value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> Round(Lane<TNumber> x) => new(TNumber.Round(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> AtLeast(Lane<TNumber> x, Lane<TNumber> bound) => new(x._value >= bound._value ? TNumber.One : TNumber.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> Both(Lane<TNumber> left, Lane<TNumber> right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TNumber> Select(Lane<TNumber> mask, Lane<TNumber> yes, Lane<TNumber> no) => mask._value != TNumber.Zero ? yes : no;
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Quantizers.Kernels;

/// <summary>512 bits of numbers.</summary>
internal readonly unsafe struct Lanes512<TNumber>(Vector512<TNumber> value) : ILanes<Lanes512<TNumber>, TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    private readonly Vector512<TNumber> _value = value;

    public static int Count => Vector512<TNumber>.Count;

    public Vector512<TNumber> Value => _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> operator +(Lanes512<TNumber> left, Lanes512<TNumber> right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> operator -(Lanes512<TNumber> left, Lanes512<TNumber> right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> operator *(Lanes512<TNumber> left, Lanes512<TNumber> right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> operator /(Lanes512<TNumber> left, Lanes512<TNumber> right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> All(TNumber value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> Load<TElement>(TElement* from)
        where TElement : unmanaged => new(typeof(TElement) == typeof(BFloat16Bits)
            ? (Vector512.WidenLower(Vector256.Load((ushort*)from).ToVector512Unsafe()) << 16).As<uint, TNumber>()
            : Vector512.Load((TNumber*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TElement>(Lanes512<TNumber> value, TElement* to)
        where TElement : unmanaged
    {
        if (typeof(TElement) != typeof(BFloat16Bits))
        {
            value._value.Store((TNumber*)to);
            return;
        }

        var bits = value._value.As<TNumber, uint>();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One)) >>> 16;
        var isNumber = Vector512.Equals(value._value, value._value).As<TNumber, uint>();
        rounded = Vector512.ConditionalSelect(isNumber, rounded, Vector512.Create((uint)BFloat16Bits.NaN));
        Vector512.Narrow(rounded, rounded).GetLower().Store((ushort*)to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> Round(Lanes512<TNumber> x)
    {
#if NET9_0_OR_GREATER
        return new(typeof(TNumber) == typeof(float)
            ? Vector512.Round(x._value.As<TNumber, float>()).As<float, TNumber>()
            : Vector512.Round(x._value.As<TNumber, double>()).As<double, TNumber>());
#else
        return RoundByAddition.Round<Lanes512<TNumber>, TNumber>(x);
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> AtLeast(Lanes512<TNumber> x, Lanes512<TNumber> bound) => new(Vector512.GreaterThanOrEqual(x._value, bound._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> Both(Lanes512<TNumber> left, Lanes512<TNumber> right) => new(left._value & right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TNumber> Select(Lanes512<TNumber> mask, Lanes512<TNumber> yes, Lanes512<TNumber> no) => new(Vector512.ConditionalSelect(mask._value, yes._value, no._value));
}

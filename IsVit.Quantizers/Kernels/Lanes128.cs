using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Quantizers.Kernels;

/// <summary>128 bits of numbers.</summary>
internal readonly unsafe struct Lanes128<TNumber>(Vector128<TNumber> value) : ILanes<Lanes128<TNumber>, TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    private readonly Vector128<TNumber> _value = value;

    public static int Count => Vector128<TNumber>.Count;

    public Vector128<TNumber> Value => _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> operator +(Lanes128<TNumber> left, Lanes128<TNumber> right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> operator -(Lanes128<TNumber> left, Lanes128<TNumber> right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> operator *(Lanes128<TNumber> left, Lanes128<TNumber> right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> operator /(Lanes128<TNumber> left, Lanes128<TNumber> right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> All(TNumber value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> Load<TElement>(TElement* from)
        where TElement : unmanaged => new(typeof(TElement) == typeof(BFloat16Bits)
            ? (Vector128.WidenLower(Vector64.Load((ushort*)from).ToVector128Unsafe()) << 16).As<uint, TNumber>()
            : Vector128.Load((TNumber*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TElement>(Lanes128<TNumber> value, TElement* to)
        where TElement : unmanaged
    {
        if (typeof(TElement) != typeof(BFloat16Bits))
        {
            value._value.Store((TNumber*)to);
            return;
        }

        var bits = value._value.As<TNumber, uint>();
        var rounded = (bits + Vector128.Create(0x7FFFu) + ((bits >>> 16) & Vector128<uint>.One)) >>> 16;
        var isNumber = Vector128.Equals(value._value, value._value).As<TNumber, uint>();
        rounded = Vector128.ConditionalSelect(isNumber, rounded, Vector128.Create((uint)BFloat16Bits.NaN));
        Vector128.Narrow(rounded, rounded).GetLower().Store((ushort*)to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> Round(Lanes128<TNumber> x)
    {
#if NET9_0_OR_GREATER
        return new(typeof(TNumber) == typeof(float)
            ? Vector128.Round(x._value.As<TNumber, float>()).As<float, TNumber>()
            : Vector128.Round(x._value.As<TNumber, double>()).As<double, TNumber>());
#else
        return RoundByAddition.Round<Lanes128<TNumber>, TNumber>(x);
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> AtLeast(Lanes128<TNumber> x, Lanes128<TNumber> bound) => new(Vector128.GreaterThanOrEqual(x._value, bound._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> Both(Lanes128<TNumber> left, Lanes128<TNumber> right) => new(left._value & right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TNumber> Select(Lanes128<TNumber> mask, Lanes128<TNumber> yes, Lanes128<TNumber> no) => new(Vector128.ConditionalSelect(mask._value, yes._value, no._value));
}

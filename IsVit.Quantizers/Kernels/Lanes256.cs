using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Quantizers.Kernels;

/// <summary>256 bits of numbers.</summary>
internal readonly unsafe struct Lanes256<TNumber>(Vector256<TNumber> value) : ILanes<Lanes256<TNumber>, TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    private readonly Vector256<TNumber> _value = value;

    public static int Count => Vector256<TNumber>.Count;

    public Vector256<TNumber> Value => _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> operator +(Lanes256<TNumber> left, Lanes256<TNumber> right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> operator -(Lanes256<TNumber> left, Lanes256<TNumber> right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> operator *(Lanes256<TNumber> left, Lanes256<TNumber> right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> operator /(Lanes256<TNumber> left, Lanes256<TNumber> right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> All(TNumber value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> Load<TElement>(TElement* from)
        where TElement : unmanaged => new(typeof(TElement) == typeof(BFloat16Bits)
            ? (Vector256.WidenLower(Vector128.Load((ushort*)from).ToVector256Unsafe()) << 16).As<uint, TNumber>()
            : Vector256.Load((TNumber*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TElement>(Lanes256<TNumber> value, TElement* to)
        where TElement : unmanaged
    {
        if (typeof(TElement) != typeof(BFloat16Bits))
        {
            value._value.Store((TNumber*)to);
            return;
        }

        var bits = value._value.As<TNumber, uint>();
        var rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One)) >>> 16;
        var isNumber = Vector256.Equals(value._value, value._value).As<TNumber, uint>();
        rounded = Vector256.ConditionalSelect(isNumber, rounded, Vector256.Create((uint)BFloat16Bits.NaN));
        Vector256.Narrow(rounded, rounded).GetLower().Store((ushort*)to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> Round(Lanes256<TNumber> x)
    {
#if NET9_0_OR_GREATER
        return new(typeof(TNumber) == typeof(float)
            ? Vector256.Round(x._value.As<TNumber, float>()).As<float, TNumber>()
            : Vector256.Round(x._value.As<TNumber, double>()).As<double, TNumber>());
#else
        return RoundByAddition.Round<Lanes256<TNumber>, TNumber>(x);
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> AtLeast(Lanes256<TNumber> x, Lanes256<TNumber> bound) => new(Vector256.GreaterThanOrEqual(x._value, bound._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> Both(Lanes256<TNumber> left, Lanes256<TNumber> right) => new(left._value & right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TNumber> Select(Lanes256<TNumber> mask, Lanes256<TNumber> yes, Lanes256<TNumber> no) => new(Vector256.ConditionalSelect(mask._value, yes._value, no._value));
}

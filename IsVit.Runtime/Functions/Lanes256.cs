using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
#if !NET9_0_OR_GREATER
using System.Runtime.Intrinsics.X86;
#endif

namespace IsVit.Runtime.Functions;

/// <summary>256 bits of numbers.</summary>
internal readonly struct Lanes256(Vector256<float> value) : ILanes<Lanes256>
{
    private readonly Vector256<float> _value = value;

    public static int Count => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 left, Lanes256 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 left, Lanes256 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 left, Lanes256 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 left, Lanes256 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 All(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(ref readonly float from) => new(Vector256.LoadUnsafe(in from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256 value, ref float to) => value._value.StoreUnsafe(ref to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MultiplyAdd(Lanes256 factor, Lanes256 x, Lanes256 summand)
    {
#if NET9_0_OR_GREATER
        return new(Vector256.FusedMultiplyAdd(factor._value, x._value, summand._value));
#else
        return new(FusedMultiplyAdd(factor._value, x._value, summand._value));
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 left, Lanes256 right)
    {
#if NET9_0_OR_GREATER
        return new(Vector256.MaxNative(left._value, right._value));
#else
        return new(Vector256.Max(left._value, right._value));
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 IfLess(Lanes256 left, Lanes256 right, Lanes256 yes, Lanes256 no) => new(Vector256.ConditionalSelect(Vector256.LessThan(left._value, right._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Abs(Lanes256 x) => new(Vector256.Abs(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 WithSign(Lanes256 magnitude, Lanes256 sign) => new(magnitude._value | (sign._value & Vector256.Create(-0f)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 PowerOfTwo(Lanes256 shifted, int exponent) => new(((shifted._value.AsInt32() + Vector256.Create(exponent + 127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 first, Lanes256 second, Lanes256 third, Lanes256 fourth)
    {
        var sum = first + second;
        return Lanes128.Fold(sum._value.GetLower() + sum._value.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes256 x) => Lanes128.Largest(Lanes128.Max(new(x._value.GetLower()), new(x._value.GetUpper())));
#if !NET9_0_OR_GREATER

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> FusedMultiplyAdd(Vector256<float> factor, Vector256<float> x, Vector256<float> summand) => Fma.IsSupported
        ? Fma.MultiplyAdd(factor, x, summand)
        : Vector256.Create(
            Lanes128.FusedMultiplyAdd(factor.GetLower(), x.GetLower(), summand.GetLower()),
            Lanes128.FusedMultiplyAdd(factor.GetUpper(), x.GetUpper(), summand.GetUpper()));
#endif
}

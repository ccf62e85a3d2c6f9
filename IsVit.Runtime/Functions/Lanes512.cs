using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
#if !NET9_0_OR_GREATER
using System.Runtime.Intrinsics.X86;
#endif

namespace IsVit.Runtime.Functions;

/// <summary>512 bits of numbers.</summary>
internal readonly struct Lanes512(Vector512<float> value) : ILanes<Lanes512>
{
    private readonly Vector512<float> _value = value;

    public static int Count => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 left, Lanes512 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 left, Lanes512 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 left, Lanes512 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 left, Lanes512 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 All(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(ref readonly float from) => new(Vector512.LoadUnsafe(in from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 value, ref float to) => value._value.StoreUnsafe(ref to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MultiplyAdd(Lanes512 factor, Lanes512 x, Lanes512 summand)
    {
#if NET9_0_OR_GREATER
        return new(Vector512.FusedMultiplyAdd(factor._value, x._value, summand._value));
#else
        return new(Avx512F.IsSupported
            ? Avx512F.FusedMultiplyAdd(factor._value, x._value, summand._value)
            : Vector512.Create(
                Lanes256.FusedMultiplyAdd(factor._value.GetLower(), x._value.GetLower(), summand._value.GetLower()),
                Lanes256.FusedMultiplyAdd(factor._value.GetUpper(), x._value.GetUpper(), summand._value.GetUpper())));
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 left, Lanes512 right)
    {
#if NET9_0_OR_GREATER
        return new(Vector512.MaxNative(left._value, right._value));
#else
        return new(Vector512.Max(left._value, right._value));
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 IfLess(Lanes512 left, Lanes512 right, Lanes512 yes, Lanes512 no) => new(Vector512.ConditionalSelect(Vector512.LessThan(left._value, right._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Abs(Lanes512 x) => new(Vector512.Abs(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 WithSign(Lanes512 magnitude, Lanes512 sign) => new(magnitude._value | (sign._value & Vector512.Create(-0f)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 PowerOfTwo(Lanes512 shifted, int exponent) => new(((shifted._value.AsInt32() + Vector512.Create(exponent + 127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 first, Lanes512 second, Lanes512 third, Lanes512 fourth) => Lanes256.Sum(new(first._value.GetLower()), new(first._value.GetUpper()), default, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes512 x) => Lanes256.Largest(Lanes256.Max(new(x._value.GetLower()), new(x._value.GetUpper())));
}

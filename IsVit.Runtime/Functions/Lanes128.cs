using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
#if !NET9_0_OR_GREATER
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
#endif

namespace IsVit.Runtime.Functions;

/// <summary>128 bits of numbers.</summary>
internal readonly struct Lanes128(Vector128<float> value) : ILanes<Lanes128>
{
    private readonly Vector128<float> _value = value;

    public static int Count => Vector128<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 left, Lanes128 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 left, Lanes128 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 left, Lanes128 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 left, Lanes128 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 All(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(ref readonly float from) => new(Vector128.LoadUnsafe(in from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 value, ref float to) => value._value.StoreUnsafe(ref to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyAdd(Lanes128 factor, Lanes128 x, Lanes128 summand)
    {
#if NET9_0_OR_GREATER
        return new(Vector128.FusedMultiplyAdd(factor._value, x._value, summand._value));
#else
        return new(FusedMultiplyAdd(factor._value, x._value, summand._value));
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 left, Lanes128 right)
    {
#if NET9_0_OR_GREATER
        return new(Vector128.MaxNative(left._value, right._value));
#else
        return new(Vector128.Max(left._value, right._value));
#endif
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 IfLess(Lanes128 left, Lanes128 right, Lanes128 yes, Lanes128 no) => new(Vector128.ConditionalSelect(Vector128.LessThan(left._value, right._value), yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Abs(Lanes128 x) => new(Vector128.Abs(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 WithSign(Lanes128 magnitude, Lanes128 sign) => new(magnitude._value | (sign._value & Vector128.Create(-0f)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 PowerOfTwo(Lanes128 shifted, int exponent) => new(((shifted._value.AsInt32() + Vector128.Create(exponent + 127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 first, Lanes128 second, Lanes128 third, Lanes128 fourth) => Fold((first + third)._value + (second + fourth)._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes128 x)
    {
        var pairs = Max(x, new(Vector128.Shuffle(x._value, Vector128.Create(2, 3, 0, 1))));
        return Max(pairs, new(Vector128.Shuffle(pairs._value, Vector128.Create(1, 0, 3, 2))))._value.ToScalar();
    }

    /// <summary>The sum of four numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Fold(Vector128<float> x)
    {
        var pairs = x + Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1));
        return pairs.ToScalar() + pairs.GetElement(1);
    }
#if !NET9_0_OR_GREATER

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<float> FusedMultiplyAdd(Vector128<float> factor, Vector128<float> x, Vector128<float> summand)
    {
        if (Fma.IsSupported)
        {
            return Fma.MultiplyAdd(factor, x, summand);
        }

        return AdvSimd.IsSupported
            ? AdvSimd.FusedMultiplyAdd(summand, factor, x)
            : Vector128.Create(Fused(factor, x, summand, 0), Fused(factor, x, summand, 1), Fused(factor, x, summand, 2), Fused(factor, x, summand, 3));
    }

    private static float Fused(Vector128<float> factor, Vector128<float> x, Vector128<float> summand, int lane) => MathF.FusedMultiplyAdd(factor.GetElement(lane), x.GetElement(lane), summand.GetElement(lane));
#endif
}

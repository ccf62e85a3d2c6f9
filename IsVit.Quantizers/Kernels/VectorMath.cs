using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>Vector operations that give the bits of the scalar and tensor ones on every width and framework.</summary>
internal static class VectorMath
{
    /// <summary>To the nearest integer, half to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Round(Vector<float> x)
    {
#if NET9_0_OR_GREATER
        return Vector.Round(x);
#else
        return RoundByAddition(x);
#endif
    }

    /// <summary>To the nearest integer, half to even, where the framework has no vector rounding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> RoundByAddition(Vector<float> x)
    {
        // Adding 2^23 leaves no room for a fraction; from there on every float is an integer.
        var integers = new Vector<float>(8388608f);
        var magnitude = Vector.Abs(x);
        var rounded = (magnitude + integers) - integers;
        var signed = Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), -rounded, rounded);
        return Vector.ConditionalSelect(Vector.LessThan(magnitude, integers), signed, x);
    }

    /// <summary>Between two numbers; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Clamp(Vector<float> x, Vector<float> low, Vector<float> high)
    {
        x = Vector.ConditionalSelect(Vector.LessThan(x, low), low, x);
        return Vector.ConditionalSelect(Vector.GreaterThan(x, high), high, x);
    }

    /// <summary>Between two numbers; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Clamp(float x, float low, float high)
    {
        x = x < low ? low : x;
        return x > high ? high : x;
    }
}

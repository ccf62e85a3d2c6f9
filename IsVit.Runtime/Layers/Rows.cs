using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Layers;

/// <summary>Elementwise operations on a row.</summary>
internal static class Rows
{
    /// <summary>Adds a row to another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(Span<float> target, ReadOnlySpan<float> other)
    {
        var i = 0;
        for (; i <= target.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            (Vector512.Create<float>(target[i..]) + Vector512.Create(other[i..])).CopyTo(target[i..]);
        }

        for (; i < target.Length; i++)
        {
            target[i] += other[i];
        }
    }

    /// <summary>Multiplies a row with another, element by element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(Span<float> target, ReadOnlySpan<float> other)
    {
        var i = 0;
        for (; i <= target.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            (Vector512.Create<float>(target[i..]) * Vector512.Create(other[i..])).CopyTo(target[i..]);
        }

        for (; i < target.Length; i++)
        {
            target[i] *= other[i];
        }
    }

    /// <summary>Multiplies a row with a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(Span<float> target, float factor)
    {
        var i = 0;
        for (; i <= target.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            (Vector512.Create<float>(target[i..]) * factor).CopyTo(target[i..]);
        }

        for (; i < target.Length; i++)
        {
            target[i] *= factor;
        }
    }
}

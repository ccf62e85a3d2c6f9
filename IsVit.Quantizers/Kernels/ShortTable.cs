using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IsVit.Quantizers.Kernels;

/// <summary>A number's level among at most 16, the whole table in registers or compared through.</summary>
/// <param name="thresholds">16 entries, those beyond the table NaN, which nothing reaches.</param>
/// <param name="levels">16 entries.</param>
/// <param name="count">The number of thresholds.</param>
internal readonly unsafe struct ShortTable(float* thresholds, float* levels, int count)
{
    /// <summary>The most levels.</summary>
    public const int Capacity = 16;

    /// <summary>The level; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Level(Vector<float> v)
    {
        if (Avx512F.VL.IsSupported && Vector<float>.Count == Vector256<float>.Count)
        {
            return Search(v.AsVector256()).AsVector();
        }

        var level = new Vector<float>(levels[0]);
        for (var i = 0; i < count; i++)
        {
            level = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(v, new Vector<float>(thresholds[i])), new Vector<float>(levels[i + 1]), level);
        }

        return Vector.ConditionalSelect(Vector.Equals(v, v), level, v);
    }

    /// <summary>The level; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Level(float v)
    {
        var level = levels[0];
        for (var i = 0; i < count && v >= thresholds[i]; i++)
        {
            level = levels[i + 1];
        }

        return float.IsNaN(v) ? v : level;
    }

    /// <summary>Four steps of a binary search in every lane at once, the probes permuted out of registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<float> Search(Vector256<float> v)
    {
        Vector256<float> low = Vector256.Load(thresholds), high = Vector256.Load(thresholds + 8);
        var position = Vector256<int>.Zero;
        position = Step(v, low, high, position, 8);
        position = Step(v, low, high, position, 4);
        position = Step(v, low, high, position, 2);
        position = Step(v, low, high, position, 1);
        var level = Avx512F.VL.PermuteVar8x32x2(Vector256.Load(levels), position, Vector256.Load(levels + 8));
        return Vector256.ConditionalSelect(Vector256.Equals(v, v), level, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Step(Vector256<float> v, Vector256<float> low, Vector256<float> high, Vector256<int> position, int width)
    {
        var probe = Avx512F.VL.PermuteVar8x32x2(low, position + Vector256.Create(width - 1), high);
        var reached = Vector256.GreaterThanOrEqual(v, probe).AsInt32();
        return position + (reached & Vector256.Create(width));
    }
}

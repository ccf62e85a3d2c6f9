using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>A number's level by comparing it with every threshold, for tables so short that this beats looking a bucket up.</summary>
internal readonly unsafe struct ShortTable(float* thresholds, float* levels, int count)
{
    /// <summary>The level; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Level(Vector<float> v)
    {
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
}

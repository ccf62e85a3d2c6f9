using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.Kernels;

/// <summary>Where the gradient passes and with which slope.</summary>
internal readonly struct TableSlope(LevelTable table)
{
    private readonly float _lowest = table.Lowest;
    private readonly float _highest = table.Highest;
    private readonly float _shift = table.Shift;

    /// <summary>gradient (x' + shift) / (x + shift) inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Ratio(Vector<float> v, Vector<float> level, Vector<float> gradient)
    {
        var shift = new Vector<float>(_shift);
        return Vector.ConditionalSelect(Inside(v), (level + shift) / (v + shift) * gradient, Vector<float>.Zero);
    }

    /// <summary>gradient (x' + shift) / (x + shift) inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Ratio(float v, float level, float gradient) =>
        v >= _lowest && v <= _highest ? (level + _shift) / (v + _shift) * gradient : 0;

    /// <summary>The gradient inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> One(Vector<float> v, Vector<float> gradient) => Vector.ConditionalSelect(Inside(v), gradient, Vector<float>.Zero);

    /// <summary>The gradient inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float One(float v, float gradient) => v >= _lowest && v <= _highest ? gradient : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector<int> Inside(Vector<float> v) =>
        Vector.GreaterThanOrEqual(v, new Vector<float>(_lowest)) & Vector.LessThanOrEqual(v, new Vector<float>(_highest));
}

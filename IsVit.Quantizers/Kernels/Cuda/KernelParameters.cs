using System.Numerics;
using System.Runtime.InteropServices;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>What the uniform kernels need beside the elements. Laid out as in fake_quantize.cu.</summary>
/// <param name="scale">The device address of a scale a channel.</param>
/// <param name="zeroPoint">The device address of a zero point a channel.</param>
/// <param name="layout">How channels lie.</param>
/// <param name="maxCode">The largest code.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct UniformParameters(nint scale, nint zeroPoint, ChannelLayout layout, int maxCode)
{
    private readonly nint _scale = scale;
    private readonly nint _zeroPoint = zeroPoint;
    private readonly long _inner = layout.Inner;
    private readonly int _channels = layout.Channels;
    private readonly float _maxCode = maxCode;
    private readonly Divisor _byInner = new(layout.Inner);
    private readonly Divisor _byChannels = new(layout.Channels);
}

/// <summary>
/// A division of numbers below 2^31 without one: n / divisor is (2 n multiplier) >> (32 + shift) (Granlund and Montgomery, Division by Invariant Integers Using Multiplication,
/// 1994). Laid out as in fake_quantize.cu.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct Divisor
{
    /// <summary>Prepares the division.</summary>
    /// <param name="divisor">1 or more; kernels do not use one of 2^31 and above.</param>
    public Divisor(long divisor)
    {
        if (divisor <= int.MaxValue)
        {
            Shift = 32 - BitOperations.LeadingZeroCount((uint)divisor - 1);
            Multiplier = (uint)(((1UL << (31 + Shift)) + (ulong)divisor - 1) / (ulong)divisor);
        }
    }

    /// <summary>The multiplier.</summary>
    public uint Multiplier { get; }

    /// <summary>How far the upper half of the product is shifted.</summary>
    public int Shift { get; }
}

/// <summary>What the table kernels need beside the elements. Laid out as in fake_quantize.cu.</summary>
/// <param name="thresholds">The device address of the thresholds, ascending.</param>
/// <param name="levels">The device address of the levels, one more than thresholds.</param>
/// <param name="table">Where they come from.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct TableParameters(nint thresholds, nint levels, LevelTable table)
{
    private readonly nint _thresholds = thresholds;
    private readonly nint _levels = levels;
    private readonly int _thresholdCount = table.Thresholds.Length;
    private readonly float _lowest = table.Lowest;
    private readonly float _highest = table.Highest;
    private readonly float _shift = table.Shift;
}

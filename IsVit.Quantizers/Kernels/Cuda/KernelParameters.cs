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

using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.TwinUniform;

/// <summary>Two ranges of 2^(b-1) codes each, with scales a power of two apart.</summary>
/// <param name="First">The scale of the first range: small numbers, or negative ones (then levels are -k * First).</param>
/// <param name="Second">The scale of the second range: large numbers, or non-negative ones.</param>
/// <param name="Ranges">What the range bit selects.</param>
internal readonly record struct TwinGrid(double First, double Second, TwinRanges Ranges)
{
    /// <summary>
    /// 2^b levels in ascending order, and the code of each. Where both ranges have a level, one of its two codes never appears.
    /// </summary>
    public void Levels(Span<double> levels, Span<byte> codes)
    {
        var half = levels.Length / 2;
        for (var k = 0; k < half; k++)
        {
            codes[k] = (byte)(Ranges == TwinRanges.Sign ? half - 1 - k : k);
            codes[half + k] = (byte)(half + k);
            levels[k] = TwinUniformParameters.Level(First, Second, Ranges, codes[k], levels.Length);
            levels[half + k] = TwinUniformParameters.Level(First, Second, Ranges, codes[half + k], levels.Length);
        }

        if (Ranges == TwinRanges.Magnitude)
        {
            MemoryExtensions.Sort(levels, codes);
        }
    }

    /// <summary>The middles between neighbouring levels.</summary>
    public static void Thresholds(ReadOnlySpan<double> levels, Span<double> thresholds)
    {
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = levels[i] + ((levels[i + 1] - levels[i]) / 2);
        }
    }

    public LevelTable ToTable(BitWidth bits)
    {
        Span<double> levels = stackalloc double[bits.CodeCount];
        Span<double> thresholds = stackalloc double[bits.MaxCode];
        var codes = new byte[bits.CodeCount];
        Levels(levels, codes);
        Thresholds(levels, thresholds);
        var lowest = Ranges == TwinRanges.Sign ? levels[0] - (First / 2) : -First / 2;
        return LevelTable.Create(levels, thresholds, codes, lowest, levels[^1] + (Second / 2), SlopeKind.One, 0);
    }

    public double SquaredError(RankedValues values, BitWidth bits)
    {
        Span<double> levels = stackalloc double[bits.CodeCount];
        Span<double> thresholds = stackalloc double[bits.MaxCode];
        Span<byte> codes = stackalloc byte[bits.CodeCount];
        Levels(levels, codes);
        Thresholds(levels, thresholds);
        return values.SquaredError(thresholds, levels);
    }
}

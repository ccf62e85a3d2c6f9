using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.ShiftUniformLog2;

/// <summary>The parameters of a shift-uniform-log2 quantizer: the shift and the range of log2(x + eta).</summary>
internal readonly record struct SulqGrid(double Eta, double Log2Min, double Log2Max)
{
    /// <summary>The grid that one shift gives for data from <paramref name="low"/> to <paramref name="high"/>, not negative.</summary>
    public static SulqGrid FromRange(double low, double high, double eta) => new(eta, Math.Log2(low + eta), Math.Log2(high + eta));

    /// <summary>A grid whose only level is the value: the shift completes it to a power of two, so that both kinds of levels hold it exactly.</summary>
    public static SulqGrid Constant(double value)
    {
        var exponent = value == 0 ? 0 : Math.Ceiling(Math.Log2(value));
        return new(Math.Pow(2, exponent) - value, exponent, exponent);
    }

    /// <summary>Levels in ascending order.</summary>
    public void Levels(Span<double> levels, SulqLevels kind)
    {
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = ShiftUniformLog2Parameters.Level(Eta, Log2Min, Log2Max, kind, i, levels.Length);
        }
    }

    /// <summary>What separates the levels: the middles between codes on the logarithmic scale.</summary>
    public void Thresholds(Span<double> thresholds)
    {
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = At(i + 0.5, thresholds.Length + 1);
        }
    }

    public LevelTable ToTable(BitWidth bits, SulqLevels kind)
    {
        Span<double> levels = stackalloc double[bits.CodeCount];
        Levels(levels, kind);
        return ToTable(bits, levels);
    }

    /// <summary>The grid's thresholds with other levels.</summary>
    /// <param name="bits">The bits of a code.</param>
    /// <param name="levels">2^b, ascending.</param>
    public LevelTable ToTable(BitWidth bits, ReadOnlySpan<double> levels)
    {
        Span<double> thresholds = stackalloc double[bits.MaxCode];
        Thresholds(thresholds);

        // Code 0 is the smallest u = -log2(x + eta), which is the largest number.
        var codes = new byte[bits.CodeCount];
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = (byte)(bits.MaxCode - i);
        }

        var constant = Log2Max == Log2Min;
        var lowest = constant ? levels[0] : At(-0.5, bits.CodeCount);
        var highest = constant ? levels[0] : At(bits.MaxCode + 0.5, bits.CodeCount);
        return LevelTable.Create(levels, thresholds, codes, lowest, highest, SlopeKind.Ratio, Eta);
    }

    public double SquaredError(RankedValues values, BitWidth bits, SulqLevels kind)
    {
        Span<double> levels = stackalloc double[bits.CodeCount];
        Span<double> thresholds = stackalloc double[bits.MaxCode];
        Levels(levels, kind);
        Thresholds(thresholds);
        return values.SquaredError(thresholds, levels);
    }

    private double At(double position, int count) => ShiftUniformLog2Parameters.Level(Eta, Log2Min, Log2Max, SulqLevels.Free, position, count);
}

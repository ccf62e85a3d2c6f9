using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.Log2;

/// <summary>Levels scale * 2^(-q / stepsPerOctave), q = 0 .. 2^b - 1.</summary>
internal readonly record struct LogScale(double Scale, int StepsPerOctave)
{
    public LevelTable ToTable(BitWidth bits)
    {
        Span<double> levels = stackalloc double[bits.CodeCount];
        Span<double> thresholds = stackalloc double[bits.MaxCode];
        Fill(levels, thresholds);
        var codes = new byte[bits.CodeCount];
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = (byte)(bits.MaxCode - i);
        }

        return LevelTable.Create(levels, thresholds, codes, At(bits.MaxCode + 0.5), At(-0.5), SlopeKind.Ratio, 0);
    }

    public double SquaredError(RankedValues values, BitWidth bits)
    {
        Span<double> levels = stackalloc double[bits.CodeCount];
        Span<double> thresholds = stackalloc double[bits.MaxCode];
        Fill(levels, thresholds);
        return values.SquaredError(thresholds, levels);
    }

    /// <summary>The scale among the given ones with the smallest squared error, the first of equals.</summary>
    public static LogScale Best(RankedValues values, BitWidth bits, int stepsPerOctave, IEnumerable<double> scales)
    {
        var best = new LogScale(values.Maximum, stepsPerOctave);
        var smallest = double.PositiveInfinity;
        foreach (var scale in scales.Where(s => s > 0))
        {
            var candidate = new LogScale(scale, stepsPerOctave);
            var error = candidate.SquaredError(values, bits);
            if (error < smallest)
            {
                (best, smallest) = (candidate, error);
            }
        }

        return best;
    }

    private void Fill(Span<double> levels, Span<double> thresholds)
    {
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = At(thresholds.Length - i);
        }

        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = At(thresholds.Length - i - 0.5);
        }
    }

    private double At(double code) => LogarithmicParameters.Level(Scale, StepsPerOctave, code);
}

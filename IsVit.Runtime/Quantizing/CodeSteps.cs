using IsVit.Model.Quantization;

namespace IsVit.Runtime.Quantizing;

/// <summary>
/// A quantizer as what separates its codes: position i holds the numbers from threshold i - 1 (inclusive) to threshold i, so that a number's position is the count of thresholds that it reaches. The thresholds are computed in
/// float64 by the formulas that the quantizers compute theirs by, and rounded as they do, so that every float32 number has exactly their code.
/// </summary>
/// <param name="Thresholds">2^b - 1, ascending.</param>
/// <param name="Codes">The code of each position.</param>
internal sealed record CodeSteps(float[] Thresholds, byte[] Codes)
{
    /// <summary>Those of a scheme that is not uniform.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="set">The index of the channel; 0 per tensor.</param>
    /// <exception cref="QuantizationException">The scheme is not one of the library's.</exception>
    public static CodeSteps Create(QuantizationParameters parameters, int set) => parameters switch
    {
        LevelsParameters levels => OfLevels([.. levels.Table.Select(static level => (double)level)]),
        ScaledLevelsParameters scaled => OfLevels([.. scaled.Table.Select(level => Finite(((double)scaled.Scale[set] * level) + scaled.Offset[set]))]),
        ChannelLevelsParameters channel => OfLevels([.. Enumerable.Range(set * channel.Bits.CodeCount, channel.Bits.CodeCount).Select(i => Finite((double)channel.Scale[set] * (channel.Table[i] - channel.ZeroPoint[set])))]),
        LogarithmicParameters log => OfLogarithm(log),
        ShiftUniformLog2Parameters sulq => OfShiftedLogarithm(sulq),
        TwinUniformParameters twin => OfTwoRanges(twin),
        _ => throw new QuantizationException($"The runtime encodes activations by the library's own schemes; '{parameters.Scheme}' is none of those that have thresholds."),
    };

    // The levels as the quantizers keep them, and the middles between them.
    private static CodeSteps OfLevels(double[] exact)
    {
        var levels = Array.ConvertAll(exact, static level => (double)(float)level);
        var thresholds = new double[levels.Length - 1];
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = (levels[i] + levels[i + 1]) / 2;
        }

        return new(Round(levels, thresholds), CodesOf(levels.Length, static (position, _) => position));
    }

    private static CodeSteps OfLogarithm(LogarithmicParameters log)
    {
        var (levels, thresholds) = (new double[log.Bits.CodeCount], new double[log.Bits.MaxCode]);
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = LogarithmicParameters.Level(log.Scale, log.StepsPerOctave, thresholds.Length - i);
        }

        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = LogarithmicParameters.Level(log.Scale, log.StepsPerOctave, thresholds.Length - i - 0.5);
        }

        return new(Round(levels, thresholds), CodesOf(levels.Length, static (position, last) => last - position));
    }

    private static CodeSteps OfShiftedLogarithm(ShiftUniformLog2Parameters sulq)
    {
        var (levels, thresholds) = (new double[sulq.Bits.CodeCount], new double[sulq.Bits.MaxCode]);
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = sulq.Kind == SulqLevels.Fitted ? sulq.Fitted[i] : ShiftUniformLog2Parameters.Level(sulq.Eta, sulq.Log2Min, sulq.Log2Max, sulq.Kind, i, levels.Length);
        }

        // The middles between codes on the logarithmic scale, whatever the levels.
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = ShiftUniformLog2Parameters.Level(sulq.Eta, sulq.Log2Min, sulq.Log2Max, SulqLevels.Free, i + 0.5, levels.Length);
        }

        return new(Round(levels, thresholds), CodesOf(levels.Length, static (position, last) => last - position));
    }

    private static CodeSteps OfTwoRanges(TwinUniformParameters twin)
    {
        var half = twin.Bits.CodeCount / 2;
        var codes = CodesOf(2 * half, (position, _) => position < half && twin.Ranges == TwinRanges.Sign ? half - 1 - position : position);
        var levels = Array.ConvertAll(codes, code => TwinUniformParameters.Level(twin.FirstScale, twin.SecondScale, twin.Ranges, code, 2 * half));
        if (twin.Ranges == TwinRanges.Magnitude)
        {
            // The sort that the quantizer uses: it decides which code of two that stand for the same number is taken.
            MemoryExtensions.Sort(levels.AsSpan(), codes.AsSpan());
        }

        var thresholds = new double[levels.Length - 1];
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = levels[i] + ((levels[i + 1] - levels[i]) / 2);
        }

        return new(Round(levels, thresholds), codes);
    }

    /// <summary>The smallest float32 numbers that reach the thresholds. Where levels are a few float32 steps apart, that must not put a level out of its own position.</summary>
    private static float[] Round(double[] levels, double[] thresholds)
    {
        var rounded = new float[thresholds.Length];
        for (var i = 0; i < rounded.Length; i++)
        {
            var threshold = Above(thresholds[i]);
            var (low, high) = (QuantizationParameters.Nearest(levels[i]), QuantizationParameters.Nearest(levels[i + 1]));
            rounded[i] = levels[i] < thresholds[i] && thresholds[i] < levels[i + 1] && low < high ? Math.Clamp(threshold, MathF.BitIncrement(low), high) : threshold;
        }

        return rounded;
    }

    private static float Above(double value)
    {
        var near = (float)value;
        return near < value ? MathF.BitIncrement(near) : near;
    }

    private static double Finite(double value) => Math.Clamp(value, -float.MaxValue, float.MaxValue);

    private static byte[] CodesOf(int count, Func<int, int, int> code) => [.. Enumerable.Range(0, count).Select(position => (byte)code(position, count - 1))];
}

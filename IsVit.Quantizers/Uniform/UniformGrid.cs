using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.Uniform;

/// <summary>The scale and zero point of one channel: code q stands for scale * (q - zero point).</summary>
internal readonly record struct UniformGrid(float Scale, float ZeroPoint)
{
    // Beyond half of float32's range a grid step may leave it.
    private const float LargestEnd = float.MaxValue / 2;

    // No 8-bit grid of this step leaves float32's range.
    private const float LargestConstantScale = float.MaxValue / 256;

    // round(x / scale) tells neighbouring codes apart as long as no end lies more than 2^21 steps from zero.
    private const float SmallestRelativeScale = 1f / (1 << 21);

    /// <summary>The grid whose codes span a range (paper eq. 8 and 9).</summary>
    public static UniformGrid FromRange(float low, float high, BitWidth bits, bool symmetric)
    {
        low = Math.Clamp(low, -LargestEnd, LargestEnd);
        high = Math.Clamp(high, -LargestEnd, LargestEnd);
        if (symmetric)
        {
            var half = bits.CodeCount / 2;
            return new(Representable(Math.Max(-low / half, high / (half - 1)), low, high), half);
        }

        var scale = Representable((high - low) / bits.MaxCode, low, high);
        return new(scale, ZeroPointFor(low, scale));
    }

    /// <summary>A grid that holds a channel's only value exactly.</summary>
    /// <param name="value">The value.</param>
    /// <param name="reference">
    /// The scale of ordinary channels beside it, 0 where there is none: the grid's own scale stays at or below it where possible, so that averaging scales over
    /// channels (paper eq. 15) does not suffer from a channel that carries no information.
    /// </param>
    /// <param name="bits">The number of bits.</param>
    /// <param name="symmetric">Whether the zero point is fixed at the middle.</param>
    public static UniformGrid Constant(float value, float reference, BitWidth bits, bool symmetric)
    {
        var half = bits.CodeCount / 2;
        var magnitude = Math.Abs(value);
        if (magnitude == 0)
        {
            return new(reference > 0 ? reference : 1, symmetric ? half : 0);
        }

        var steps = 1;
        var most = !symmetric ? 1 << 20 : value > 0 ? half - 1 : half;
        var scale = magnitude;
        var largest = Math.Min(reference > 0 ? reference : float.MaxValue, LargestConstantScale);
        while (scale > largest && steps * 2 <= most && float.IsNormal(scale / 2))
        {
            steps *= 2;
            scale /= 2;
        }

        // The value's code is the top one if it is positive, the bottom one if negative.
        return new(scale, symmetric ? half : value > 0 ? bits.MaxCode - steps : steps);
    }

    /// <summary>Whether every code stands for a finite number and neighbouring codes can be told apart.</summary>
    public bool IsRepresentable(BitWidth bits)
    {
        var farthest = Math.Max(Math.Abs(ZeroPoint), Math.Abs(bits.MaxCode - ZeroPoint));
        return Scale > 0 && farthest * SmallestRelativeScale <= 1 && float.IsFinite(farthest * Scale);
    }

    /// <summary>What each code stands for.</summary>
    public void Levels(Span<double> levels)
    {
        double scale = Scale, zeroPoint = ZeroPoint;
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = scale * (code - zeroPoint);
        }
    }

    /// <summary>What separates the levels: the middles between codes.</summary>
    public void Thresholds(Span<double> thresholds)
    {
        double scale = Scale, zeroPoint = ZeroPoint;
        for (var code = 0; code < thresholds.Length; code++)
        {
            thresholds[code] = scale * (code + 0.5 - zeroPoint);
        }
    }

    /// <summary>The sum of squared errors over a channel. The zero point is a whole number.</summary>
    public double SquaredError(RankedValues values, BitWidth bits)
    {
        if (values.AreFew(bits.MaxCode))
        {
            return values.SquaredErrorOfMultiples(Scale, -ZeroPoint, bits.MaxCode - ZeroPoint);
        }

        Span<double> thresholds = stackalloc double[bits.MaxCode];
        Span<double> levels = stackalloc double[bits.CodeCount];
        Levels(levels);
        Thresholds(thresholds);
        return values.SquaredError(thresholds, levels);
    }

    private static float Representable(float scale, float low, float high) =>
        Math.Max(Math.Max(scale, Math.Max(Math.Abs(low), Math.Abs(high)) * SmallestRelativeScale), float.Epsilon);

    private static float ZeroPointFor(float low, float scale) => MathF.Round(-low / scale) + 0f;
}

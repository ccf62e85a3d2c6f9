namespace IsVit.Model.Quantization;

/// <summary>
/// Powers of two, or of its square root, below a scale: code q represents scale 2^(-q / steps per octave), with 1 step for <c>log2</c> (I&amp;S-ViT, arXiv 2311.10126, eq. 10 and 11)
/// and 2 for <c>log-sqrt2</c> (RepQ-ViT, arXiv 2212.08254). Per tensor.
/// </summary>
public sealed class LogarithmicParameters : QuantizationParameters
{
    /// <summary>The name of the scheme of powers of two.</summary>
    public const string Log2SchemeName = "log2";

    /// <summary>The name of the scheme of powers of the square root of two.</summary>
    public const string LogSqrt2SchemeName = "log-sqrt2";

    private const string ScaleName = "scale";

    /// <summary>Creates parameters.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="stepsPerOctave">1 or 2.</param>
    /// <param name="scale">The largest level, at least 0 and at most float32's largest value.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="stepsPerOctave"/> is neither 1 nor 2.</exception>
    /// <exception cref="QuantizationException">The scale does not meet these conditions.</exception>
    public LogarithmicParameters(BitWidth bits, int stepsPerOctave, double scale)
        : this(new NamedParameters(
            stepsPerOctave switch
            {
                1 => Log2SchemeName,
                2 => LogSqrt2SchemeName,
                _ => throw new ArgumentOutOfRangeException(nameof(stepsPerOctave), stepsPerOctave, "Steps per octave are 1 or 2."),
            },
            bits,
            Granularity.Tensor,
            new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal) { [ScaleName] = [scale] },
            NamedParameters.NoOptions))
    {
    }

    internal LogarithmicParameters(NamedParameters named)
        : base(named)
    {
        StepsPerOctave = named.Scheme == Log2SchemeName ? 1 : 2;
        Scale = named.Single(ScaleName, static scale => scale >= 0 && scale <= float.MaxValue, "a finite float32 number, not negative");
    }

    /// <summary>The largest level.</summary>
    public double Scale { get; }

    /// <summary>The number of levels per factor of two: 1 or 2.</summary>
    public int StepsPerOctave { get; }

    /// <inheritdoc/>
    public override int SetCount => 1;

    /// <summary>The level at a code, or between two.</summary>
    internal static double Level(double scale, int stepsPerOctave, double code) => scale * Math.Pow(2, -code / stepsPerOctave);

    private protected override void Fill(int set, Span<float> levels)
    {
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = Nearest(Level(Scale, StepsPerOctave, code));
        }
    }
}

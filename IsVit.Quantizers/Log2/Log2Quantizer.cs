using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.Log2;

/// <summary>
/// Powers of two below the maximum: q = clamp(round(-log2(x / s)), 0, 2^b - 1), x' = s 2^-q, s the largest calibration value or, by option, the one with
/// the smallest mean squared error (I&amp;S-ViT, arXiv 2311.10126, eq. 10 and 11), per tensor.
/// </summary>
/// <remarks>Values must not be negative. Zero gets the largest code and therefore the smallest level, s 2^-(2^b - 1); all-zero data is reproduced as zero.</remarks>
public sealed class Log2Quantizer : TableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = LogarithmicParameters.Log2SchemeName;

    private const int StepsPerOctave = 1;

    // Scales are tried from the largest number down. The error has many minima, as levels meet where numbers are dense; each try is cheap.
    private const int TriesPerOctave = 64;
    private const int Octaves = 8;
    private double _scale;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor.</param>
    /// <param name="options">How the scale is chosen; null for the defaults.</param>
    /// <exception cref="QuantizationException">The granularity is not per tensor.</exception>
    public Log2Quantizer(BitWidth bits, Granularity granularity, Log2Options? options = null)
        : base(SchemeName, bits, granularity)
    {
        Options = options ?? new();
    }

    /// <summary>How the scale is chosen.</summary>
    public Log2Options Options { get; }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() => IsCalibrated ? new LogarithmicParameters(Bits, StepsPerOctave, _scale) : throw NotCalibrated();

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new Log2Quantizer(Bits, Granularity, Options);
        if (IsCalibrated)
        {
            clone.Set(_scale);
        }

        return clone;
    }

    private protected override void Fit(ChannelData data)
    {
        using var values = RankedValues.Of(data[0]);
        NonNegative.Check(values.Minimum, Scheme);
        Set(Options.SearchScale && values.Minimum < values.Maximum ? Search(values) : values.Maximum);
    }

    private protected override void Import(QuantizationParameters parameters) => Set(Typed<LogarithmicParameters>(parameters).Scale);

    private double Search(RankedValues values) => LogScale.Best(
        values, Bits, StepsPerOctave, Enumerable.Range(0, TriesPerOctave * Octaves).Select(step => values.Maximum * Math.Pow(2, -step / (double)TriesPerOctave))).Scale;

    private void Set(double scale)
    {
        _scale = scale;
        Set(new LogScale(scale, StepsPerOctave).ToTable(Bits));
    }
}

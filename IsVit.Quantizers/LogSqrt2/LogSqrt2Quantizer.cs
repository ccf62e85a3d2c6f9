using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Log2;

namespace IsVit.Quantizers.LogSqrt2;

/// <summary>
/// Powers of the square root of two below a scale: q = clamp(round(-2 log2(x / s)), 0, 2^b - 1), x' = s 2^(-q / 2) (RepQ-ViT, arXiv 2212.08254, which
/// decodes it with shifts by folding the root into the scale of odd codes), per tensor. A baseline for post-Softmax activations.
/// </summary>
/// <remarks>
/// s is the candidate with the smallest mean squared error among the percentiles .999, .9999, .99999 and the maximum. Values must not be negative. Zero gets the
/// largest code and therefore the smallest level.
/// </remarks>
public sealed class LogSqrt2Quantizer : TableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = LogarithmicParameters.LogSqrt2SchemeName;

    private const int StepsPerOctave = 2;
    private static readonly double[] Fractions = [.999, .9999, .99999, 1];
    private double _scale;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor.</param>
    /// <exception cref="QuantizationException">The granularity is not per tensor.</exception>
    public LogSqrt2Quantizer(BitWidth bits, Granularity granularity)
        : base(SchemeName, bits, granularity)
    {
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() => IsCalibrated ? new LogarithmicParameters(Bits, StepsPerOctave, _scale) : throw NotCalibrated();

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new LogSqrt2Quantizer(Bits, Granularity);
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
        var scales = values.Minimum == values.Maximum ? [values.Maximum] : Fractions.Select(f => (double)values.Quantile(f));
        Set(LogScale.Best(values, Bits, StepsPerOctave, scales).Scale);
    }

    private protected override void Import(QuantizationParameters parameters) => Set(Typed<LogarithmicParameters>(parameters).Scale);

    private void Set(double scale)
    {
        _scale = scale;
        Set(new LogScale(scale, StepsPerOctave).ToTable(Bits));
    }
}

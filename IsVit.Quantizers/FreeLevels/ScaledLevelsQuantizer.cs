using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Projections;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>
/// Free levels per channel: one table of 2^b levels for all channels, and a scale and an offset for each; x' = scale level + offset. Calibration minimizes the squared error of the channels, each relative to its variance.
/// </summary>
/// <remarks>
/// In a matrix product over the channels, a scale can be folded into the other operand and an offset into the sum, or both into the layers around (<see cref="ToCommonGrid"/>): what remains is a <see cref="FreeLevelsQuantizer"/>.
/// A constant channel has scale 0 and is reproduced exactly.
/// </remarks>
public sealed class ScaledLevelsQuantizer : Quantizer, IReparameterizableQuantizer
{
    // A channel that does not vary lies on no level: its numbers less its offset are kept this small beside those of the others.
    private const double ConstantRatio = 1.0 / (1 << 24);

    private float[] _levels = [];
    private float[] _scale = [];
    private float[] _offset = [];

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per channel.</param>
    /// <exception cref="QuantizationException">The granularity is per tensor.</exception>
    public ScaledLevelsQuantizer(BitWidth bits, Granularity granularity)
        : base(bits, granularity ?? throw new ArgumentNullException(nameof(granularity)))
    {
        if (granularity is not Granularity.PerChannel)
        {
            throw new QuantizationException($"A quantizer of scaled levels works per channel only; '{granularity}' was asked for.");
        }
    }

    /// <inheritdoc/>
    public override string Scheme => FreeLevelsQuantizer.SchemeName;

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() =>
        IsCalibrated ? new ScaledLevelsParameters(Bits, Granularity, [.. _levels], [.. _scale], [.. _offset]) : throw NotCalibrated();

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new ScaledLevelsQuantizer(Bits, Granularity);
        if (IsCalibrated)
        {
            clone.Set(_levels, _scale, _offset);
        }

        return clone;
    }

    /// <inheritdoc/>
    public CommonGrid ToCommonGrid(IReadOnlyList<bool> isLive)
    {
        RequireChannels(isLive);

        // A power of two leaves every bit of the levels but the exponent as it is.
        var sizes = _scale.Where((scale, i) => isLive[i] && scale > 0).ToList();
        var size = sizes.Count == 0 ? 1 : Math.Pow(2, Math.Round(Math.Log2(sizes.Average(static scale => (double)scale))));
        var grid = new FreeLevelsQuantizer(Bits, Granularity.Tensor);
        grid.Take([.. _levels.Select(level => level * size)]);
        return new CommonGrid(grid, [.. _scale.Select(scale => scale == 0 ? ConstantRatio : scale / size)], [.. _offset.Select(static offset => -(double)offset)]);
    }

    private protected override void Fit(ChannelData data)
    {
        var (levels, scale, offset) = ScaledLloydMax.Find(data, Bits);
        Set(Array.ConvertAll(levels, static level => (float)level), scale, offset);
    }

    private protected override void Import(QuantizationParameters parameters)
    {
        var scaled = Typed<ScaledLevelsParameters>(parameters);
        Set([.. scaled.Table], [.. scaled.Scale], [.. scaled.Offset]);
    }

    private void Set(float[] levels, float[] scale, float[] offset)
    {
        (_levels, _scale, _offset) = (levels, scale, offset);
        Set(new ChannelTableProjection(new ChannelTables(
            [.. scale.Select((s, channel) => FreeLevelsQuantizer.ToTable(Array.ConvertAll(levels, level => Finite(((double)s * level) + offset[channel]))))])));
    }

    private static double Finite(double value) => Math.Clamp(value, -float.MaxValue, float.MaxValue);

    private static double[] ToDouble(float[] values) => Array.ConvertAll(values, static value => (double)value);
}

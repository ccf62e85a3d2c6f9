using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.TwinUniform;

/// <summary>
/// Two uniform ranges of 2^(b-1) codes each, one bit of the code selecting the range, their scales a power of two apart (PTQ4ViT, arXiv 2111.12293), per tensor.
/// A baseline for post-Softmax activations (small and large values) and post-GELU ones (negative and positive values).
/// </summary>
/// <remarks>
/// What the range bit selects is determined by the calibration data: the sign if there are negative values, otherwise the magnitude. Some values have a code in both ranges
/// (zero at least); one of the two is used.
/// </remarks>
public sealed class TwinUniformQuantizer : TableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = TwinUniformParameters.SchemeName;

    private TwinGrid _grid;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor.</param>
    /// <exception cref="QuantizationException">The granularity is not per tensor.</exception>
    public TwinUniformQuantizer(BitWidth bits, Granularity granularity)
        : base(SchemeName, bits, granularity)
    {
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <summary>What the range bit selects; meaningful once calibrated.</summary>
    public TwinRanges Ranges => _grid.Ranges;

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() =>
        IsCalibrated ? new TwinUniformParameters(Bits, _grid.First, _grid.Second, _grid.Ranges) : throw NotCalibrated();

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new TwinUniformQuantizer(Bits, Granularity);
        if (IsCalibrated)
        {
            clone.Set(_grid);
        }

        return clone;
    }

    private protected override void Fit(ChannelData data)
    {
        using var values = RankedValues.Of(data[0]);
        Set(TwinSearch.Find(values, Bits));
    }

    private protected override void Import(QuantizationParameters parameters)
    {
        var twin = Typed<TwinUniformParameters>(parameters);
        Set(new(twin.FirstScale, twin.SecondScale, twin.Ranges));
    }

    private void Set(TwinGrid grid)
    {
        _grid = grid;
        Set(grid.ToTable(Bits));
    }
}

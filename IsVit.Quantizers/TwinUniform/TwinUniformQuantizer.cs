using IsVit.Core.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.TwinUniform;

/// <summary>
/// Two uniform ranges of 2^(b-1) codes each, one bit of the code selecting the range, their scales a power of two apart (PTQ4ViT, arXiv 2111.12293), per tensor.
/// A baseline for post-Softmax activations (small and large numbers) and post-GELU ones (negative and positive numbers).
/// </summary>
/// <remarks>
/// What the range bit selects follows from the calibration data: the sign where there are negative numbers, else the magnitude. Some numbers have a code in both ranges
/// (zero at least); one of the two is used.
/// </remarks>
public sealed class TwinUniformQuantizer : TableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "twin-uniform";

    private const string FirstName = "first_scale";
    private const string SecondName = "second_scale";
    private const string RangesName = "ranges";
    private const string MagnitudeName = "magnitude";
    private const string SignName = "sign";
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
    public override QuantizationParameters ExportParameters() => !IsCalibrated ? throw NotCalibrated() : new(
        Scheme,
        Bits,
        Granularity,
        new Dictionary<string, IReadOnlyList<double>> { [FirstName] = [_grid.First], [SecondName] = [_grid.Second] },
        new Dictionary<string, string> { [RangesName] = _grid.Ranges == TwinRanges.Sign ? SignName : MagnitudeName });

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
        var first = ParameterCheck.Single(parameters, FirstName, s => s > 0 && double.IsFinite(s), "a positive finite number");
        var second = ParameterCheck.Single(parameters, SecondName, s => s > 0 && double.IsFinite(s), "a positive finite number");
        var ranges = ParameterCheck.Option(parameters, RangesName, MagnitudeName, SignName) == SignName ? TwinRanges.Sign : TwinRanges.Magnitude;
        Set(new(first, second, ranges));
    }

    private void Set(TwinGrid grid)
    {
        _grid = grid;
        Set(grid.ToTable(Bits));
    }
}

using IsVit.Core.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.ShiftUniformLog2;

/// <summary>
/// SULQ, for post-Softmax activations: uniform steps of u = -log2(x + eta) (I&amp;S-ViT, arXiv 2311.10126, eq. 13 and 14), per tensor.
/// </summary>
/// <remarks>
/// code = round((u - u_min) / s) with s = (u_max - u_min) / (2^b - 1), always exactly 2^b codes; code 0 is the largest number. The shift eta is the one of a grid
/// with the smallest mean squared error. Numbers are not negative; zero is fine with every eta. For data far smaller than the grid's shifts (a maximum
/// below a millionth of the smallest) the grid is taken relative to the maximum.
/// </remarks>
public sealed class ShiftUniformLog2Quantizer : TableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "sulq";

    private const string EtaName = "eta";
    private const string Log2MinName = "log2_min";
    private const string Log2MaxName = "log2_max";
    private const string LevelsName = "levels";
    private const string FreeName = "free";
    private const string PowerOfTwoName = "power-of-two";
    private const double SmallestRelativeMaximum = 1e-6;

    private SulqGrid _grid;
    private SulqLevels _levels;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor.</param>
    /// <param name="options">Levels and shifts to try; left out: free levels, the extended grid.</param>
    /// <exception cref="QuantizationException">The granularity is not per tensor.</exception>
    public ShiftUniformLog2Quantizer(BitWidth bits, Granularity granularity, ShiftUniformLog2Options? options = null)
        : base(SchemeName, bits, granularity)
    {
        Options = options ?? new();
        _levels = Options.Levels;
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <summary>What was asked for.</summary>
    public ShiftUniformLog2Options Options { get; }

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() => !IsCalibrated ? throw NotCalibrated() : new(
        Scheme,
        Bits,
        Granularity,
        new Dictionary<string, IReadOnlyList<double>> { [EtaName] = [_grid.Eta], [Log2MinName] = [_grid.Log2Min], [Log2MaxName] = [_grid.Log2Max] },
        new Dictionary<string, string> { [LevelsName] = _levels == SulqLevels.Free ? FreeName : PowerOfTwoName });

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new ShiftUniformLog2Quantizer(Bits, Granularity, Options);
        if (IsCalibrated)
        {
            clone.Set(_grid, _levels);
        }

        return clone;
    }

    private protected override void Fit(ChannelData data)
    {
        using var values = RankedValues.Of(data[0]);
        NonNegative.Check(values, Scheme);
        Set(values.Minimum == values.Maximum ? SulqGrid.Constant(values.Minimum) : Search(values), Options.Levels);
    }

    private protected override void Import(QuantizationParameters parameters)
    {
        var eta = ParameterCheck.Single(parameters, EtaName, e => e >= 0 && double.IsFinite(e), "a finite number, not negative");
        var low = ParameterCheck.Single(parameters, Log2MinName, double.IsFinite, "a finite number");
        var high = ParameterCheck.Single(parameters, Log2MaxName, h => double.IsFinite(h) && h >= low, $"a finite number of at least '{Log2MinName}', {low}");
        var levels = ParameterCheck.Option(parameters, LevelsName, FreeName, PowerOfTwoName);
        Set(new(eta, low, high), levels == FreeName ? SulqLevels.Free : SulqLevels.PowerOfTwo);
    }

    private SulqGrid Search(RankedValues values)
    {
        double maximum = values.Maximum;
        var unit = maximum < SmallestRelativeMaximum * Options.EtaGrid.Min() ? maximum : 1;
        SulqGrid best = default;
        var smallest = double.PositiveInfinity;
        foreach (var eta in Options.EtaGrid)
        {
            var grid = SulqGrid.FromRange(values.Minimum, maximum, eta * unit);
            var error = grid.SquaredError(values, Bits, Options.Levels);
            if (error < smallest)
            {
                (best, smallest) = (grid, error);
            }
        }

        return best;
    }

    private void Set(SulqGrid grid, SulqLevels levels)
    {
        _grid = grid;
        _levels = levels;
        Set(grid.ToTable(Bits, levels));
    }
}

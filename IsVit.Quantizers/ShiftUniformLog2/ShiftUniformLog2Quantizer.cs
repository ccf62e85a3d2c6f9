using IsVit.Core.Quantization;
using IsVit.Quantizers.Calibration;
using TorchSharp;

namespace IsVit.Quantizers.ShiftUniformLog2;

/// <summary>
/// SULQ, for post-Softmax activations: uniform steps of u = -log2(x + eta) (I&amp;S-ViT, arXiv 2311.10126, eq. 13 and 14), per tensor.
/// </summary>
/// <remarks>
/// code = round((u - u_min) / s) with s = (u_max - u_min) / (2^b - 1), always exactly 2^b codes; code 0 is the largest number. The shift eta is the one of a grid
/// with the smallest mean squared error. Numbers are not negative; zero is fine with every eta. For data far smaller than the grid's shifts (a maximum
/// below a millionth of the smallest) the grid is taken relative to the maximum.
/// </remarks>
public sealed class ShiftUniformLog2Quantizer : TableQuantizer, IProductQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "sulq";

    private const string EtaName = "eta";
    private const string Log2MinName = "log2_min";
    private const string Log2MaxName = "log2_max";
    private const string LevelsName = "levels";
    private const string FreeName = "free";
    private const string PowerOfTwoName = "power-of-two";
    private const string FittedName = "fitted";
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
        _levels = Unfitted;
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <summary>What was asked for.</summary>
    public ShiftUniformLog2Options Options { get; }

    /// <summary>Whether the levels are to be <see cref="SulqLevels.Fitted"/>.</summary>
    public bool FitsProducts => Options.Levels == SulqLevels.Fitted;

    private double[] TableLevels => Array.ConvertAll(Table!.Levels, static level => (double)level);

    private SulqLevels Unfitted => Options.Levels == SulqLevels.PowerOfTwo ? SulqLevels.PowerOfTwo : SulqLevels.Free;

    /// <inheritdoc/>
    /// <remarks>Each shift of the grid divides the numbers among codes, and the levels that lose least follow (linear least squares); the shift with which least is lost is kept.</remarks>
    public void Calibrate(torch.Tensor left, torch.Tensor right, torch.Tensor? importance)
    {
        if (!FitsProducts)
        {
            Calibrate(left);
            return;
        }

        using var operands = ProductOperands.Create(left, right, importance, Scheme);
        var (minimum, maximum) = (operands.Left.min().item<float>(), operands.Left.max().item<float>());
        NonNegative.Check(minimum, Scheme);
        if (minimum == maximum)
        {
            Set(SulqGrid.Constant(minimum), SulqLevels.Free);
            return;
        }

        var (grid, levels) = SulqFit.Find(operands, [.. Shifts(maximum).Select(eta => SulqGrid.FromRange(minimum, maximum, eta))], Bits);
        SetFitted(grid, levels);
    }

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters()
    {
        if (!IsCalibrated)
        {
            throw NotCalibrated();
        }

        var values = new Dictionary<string, IReadOnlyList<double>> { [EtaName] = [_grid.Eta], [Log2MinName] = [_grid.Log2Min], [Log2MaxName] = [_grid.Log2Max] };
        if (_levels == SulqLevels.Fitted)
        {
            values[LevelsName] = TableLevels;
        }

        var kind = _levels switch
        {
            SulqLevels.Free => FreeName,
            SulqLevels.Fitted => FittedName,
            _ => PowerOfTwoName,
        };
        return new(Scheme, Bits, Granularity, values, new Dictionary<string, string> { [LevelsName] = kind });
    }

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new ShiftUniformLog2Quantizer(Bits, Granularity, Options);
        if (IsCalibrated && _levels == SulqLevels.Fitted)
        {
            clone.SetFitted(_grid, TableLevels);
        }
        else if (IsCalibrated)
        {
            clone.Set(_grid, _levels);
        }

        return clone;
    }

    private protected override void Fit(ChannelData data)
    {
        using var values = RankedValues.Of(data[0]);
        NonNegative.Check(values.Minimum, Scheme);
        Set(values.Minimum == values.Maximum ? SulqGrid.Constant(values.Minimum) : Search(values), Unfitted);
    }

    private protected override void Import(QuantizationParameters parameters)
    {
        var eta = ParameterCheck.Single(parameters, EtaName, e => e >= 0 && double.IsFinite(e), "a finite number, not negative");
        var low = ParameterCheck.Single(parameters, Log2MinName, double.IsFinite, "a finite number");
        var high = ParameterCheck.Single(parameters, Log2MaxName, h => double.IsFinite(h) && h >= low, $"a finite number of at least '{Log2MinName}', {low}");
        var grid = new SulqGrid(eta, low, high);
        switch (ParameterCheck.Option(parameters, LevelsName, FreeName, PowerOfTwoName, FittedName))
        {
            case FreeName:
                Set(grid, SulqLevels.Free);
                break;
            case PowerOfTwoName:
                Set(grid, SulqLevels.PowerOfTwo);
                break;
            default:
                SetFitted(grid, ParameterCheck.Levels(parameters, LevelsName));
                break;
        }
    }

    private SulqGrid Search(RankedValues values)
    {
        double maximum = values.Maximum;
        SulqGrid best = default;
        var smallest = double.PositiveInfinity;
        foreach (var eta in Shifts(maximum))
        {
            var grid = SulqGrid.FromRange(values.Minimum, maximum, eta);
            var error = grid.SquaredError(values, Bits, Unfitted);
            if (error < smallest)
            {
                (best, smallest) = (grid, error);
            }
        }

        return best;
    }

    // For numbers whose maximum is that small.
    private IEnumerable<double> Shifts(double maximum)
    {
        var unit = maximum < SmallestRelativeMaximum * Options.EtaGrid.Min() ? maximum : 1;
        return Options.EtaGrid.Select(eta => eta * unit);
    }

    private void Set(SulqGrid grid, SulqLevels levels)
    {
        (_grid, _levels) = (grid, levels);
        Set(grid.ToTable(Bits, levels));
    }

    // The levels as they are kept, so that a copy made of them has the same thresholds.
    private void SetFitted(SulqGrid grid, double[] levels)
    {
        (_grid, _levels) = (grid, SulqLevels.Fitted);
        Set(grid.ToTable(Bits, Array.ConvertAll(levels, static level => (double)(float)level)));
    }
}

using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using TorchSharp;

namespace IsVit.Quantizers.ShiftUniformLog2;

/// <summary>
/// SULQ, for post-Softmax activations: uniform steps of u = -log2(x + eta) (I&amp;S-ViT, arXiv 2311.10126, eq. 13 and 14), per tensor.
/// </summary>
/// <remarks>
/// code = round((u - u_min) / s) with s = (u_max - u_min) / (2^b - 1), always exactly 2^b codes; code 0 is the largest value. The shift eta is the one of a grid
/// with the smallest mean squared error. Values must not be negative; zero is valid for every eta. For data far smaller than the grid's shifts (a maximum
/// below a millionth of the smallest) the grid is taken relative to the maximum.
/// </remarks>
public sealed class ShiftUniformLog2Quantizer : TableQuantizer, IProductQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = ShiftUniformLog2Parameters.SchemeName;

    private const double SmallestRelativeMaximum = 1e-6;

    private SulqGrid _grid;
    private SulqLevels _levels;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor.</param>
    /// <param name="options">Levels and shifts to search; null for free levels and the extended grid.</param>
    /// <exception cref="QuantizationException">The granularity is not per tensor.</exception>
    public ShiftUniformLog2Quantizer(BitWidth bits, Granularity granularity, ShiftUniformLog2Options? options = null)
        : base(SchemeName, bits, granularity)
    {
        Options = options ?? new();
        _levels = Unfitted;
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <summary>The options passed to the constructor.</summary>
    public ShiftUniformLog2Options Options { get; }

    /// <summary>Whether the levels are to be <see cref="SulqLevels.Fitted"/>.</summary>
    public bool FitsProducts => Options.Levels == SulqLevels.Fitted;

    private double[] TableLevels => Array.ConvertAll(Table!.Levels, static level => (double)level);

    private SulqLevels Unfitted => Options.Levels == SulqLevels.PowerOfTwo ? SulqLevels.PowerOfTwo : SulqLevels.Free;

    /// <inheritdoc/>
    /// <remarks>Each shift of the grid assigns the values to codes, and the levels with the smallest error are computed for this assignment (linear least squares); the shift with the smallest error is kept.</remarks>
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
    public override QuantizationParameters ExportParameters() => IsCalibrated
        ? new ShiftUniformLog2Parameters(Bits, _grid.Eta, _grid.Log2Min, _grid.Log2Max, _levels, _levels == SulqLevels.Fitted ? [.. Table!.Levels] : default)
        : throw NotCalibrated();

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
        var sulq = Typed<ShiftUniformLog2Parameters>(parameters);
        var grid = new SulqGrid(sulq.Eta, sulq.Log2Min, sulq.Log2Max);
        if (sulq.Kind == SulqLevels.Fitted)
        {
            SetFitted(grid, [.. sulq.Fitted.Select(static level => (double)level)]);
        }
        else
        {
            Set(grid, sulq.Kind);
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

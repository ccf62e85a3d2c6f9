using System.Globalization;
using IsVit.Core.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Learning;
using IsVit.Quantizers.Tables;
using IsVit.Quantizers.Uniform;
using TorchSharp;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>2^b levels anywhere and the thresholds between them, per tensor. Calibration chooses the levels with the least squared error (Lloyd-Max), thresholds in their middles; learning moves each level by its gradient.</summary>
/// <remarks>
/// Codes are numbered from the smallest level. A product reads levels through a table of 2^b entries, as it does those of <see cref="ShiftUniformLog2.ShiftUniformLog2Quantizer"/> with free levels. While learning,
/// an entry of the learned vector is a level's displacement in mean distances between neighbouring levels.
/// </remarks>
public sealed class FreeLevelsQuantizer : TableQuantizer, ILearnableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "free-levels";

    private const string LevelsName = "levels";
    private const string ThresholdsName = "thresholds";

    private LearnedLevels? _learned;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor.</param>
    /// <exception cref="QuantizationException">The granularity is not per tensor.</exception>
    public FreeLevelsQuantizer(BitWidth bits, Granularity granularity)
        : base(SchemeName, bits, granularity)
    {
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() => !IsCalibrated ? throw NotCalibrated() : new(
        Scheme,
        Bits,
        Granularity,
        new Dictionary<string, IReadOnlyList<double>>
        {
            [LevelsName] = Array.ConvertAll(Table!.Levels, static level => (double)level),
            [ThresholdsName] = Array.ConvertAll(Table!.Thresholds, static threshold => (double)threshold),
        },
        new Dictionary<string, string>());

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new FreeLevelsQuantizer(Bits, Granularity);
        if (IsCalibrated)
        {
            clone.Set(Table!);
        }

        return clone;
    }

    /// <summary>A quantizer that gives every number the level that another one gives it, for learning to go on from.</summary>
    /// <param name="quantizer">A calibrated quantizer of this library, per tensor.</param>
    /// <exception cref="QuantizationException">The quantizer is per channel, not calibrated, or none of this library.</exception>
    public static FreeLevelsQuantizer From(IQuantizer quantizer)
    {
        ArgumentNullException.ThrowIfNull(quantizer);
        var table = quantizer switch
        {
            { IsCalibrated: false } => throw new QuantizationException($"The '{quantizer.Scheme}' quantizer has no parameters yet; expected a calibrated one."),
            TableQuantizer { Table: { } own } => own,
            UniformQuantizer { Granularity: Granularity.PerTensor } uniform => uniform.ToTable(),
            _ => throw new QuantizationException($"A '{quantizer.Scheme}' quantizer, {quantizer.Granularity}, has no single table of levels; expected one of this library's, per tensor."),
        };
        var result = new FreeLevelsQuantizer(quantizer.Bits, Granularity.Tensor);
        result.Set(ToTable(Array.ConvertAll(table.Levels, static level => (double)level), Array.ConvertAll(table.Thresholds, static threshold => (double)threshold)));
        return result;
    }

    /// <inheritdoc/>
    public torch.Tensor BeginLearning()
    {
        if (!IsCalibrated)
        {
            throw NotCalibrated();
        }

        if (_learned is not null)
        {
            throw new QuantizationException($"This '{Scheme}' quantizer is learning already.");
        }

        _learned = new LearnedLevels(Table!);
        return _learned.Displacements;
    }

    /// <inheritdoc/>
    public void EndLearning()
    {
        if (_learned is { } learned)
        {
            _learned = null;
            var (levels, thresholds, _) = learned.Present();
            Set(ToTable(levels, thresholds));
            learned.Dispose();
        }
    }

    /// <inheritdoc/>
    public override torch.Tensor FakeQuantize(torch.Tensor x)
    {
        if (_learned is not { } learned)
        {
            return base.FakeQuantize(x);
        }

        ArgumentNullException.ThrowIfNull(x);
        var (levels, thresholds, order) = learned.Present();
        return LearnedLevelsFunction.Run(x, learned.Displacements, new(ToTable(levels, thresholds)), learned.Unit, order);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _learned?.Dispose();
        _learned = null;
        base.Dispose(disposing);
    }

    private protected override void Fit(ChannelData data)
    {
        using var values = RankedValues.Of(data[0]);
        var levels = LloydMax.Find(values, Bits);
        var thresholds = new double[levels.Length - 1];
        LloydMax.Thresholds(levels, thresholds);
        Set(ToTable(levels, thresholds));
    }

    private protected override void Import(QuantizationParameters parameters)
    {
        var levels = Ascending(parameters, LevelsName, Bits.CodeCount);
        var thresholds = Ascending(parameters, ThresholdsName, Bits.MaxCode);
        for (var i = 0; i < thresholds.Length; i++)
        {
            if (thresholds[i] < levels[i] || thresholds[i] > levels[i + 1])
            {
                throw new QuantizationException(string.Create(
                    CultureInfo.InvariantCulture, $"'{ThresholdsName}'[{i}] of a '{Scheme}' quantizer is {thresholds[i]:r}; expected a number between its levels, {levels[i]:r} and {levels[i + 1]:r}."));
            }
        }

        Set(ToTable(levels, thresholds));
    }

    private double[] Ascending(QuantizationParameters parameters, string name, int count)
    {
        var values = ParameterCheck.Vector(parameters, name, static value => double.IsFinite((float)value), "a finite float32 number").ToArray();
        if (values.Length != count)
        {
            throw new QuantizationException($"'{name}' of a '{Scheme}' quantizer of {Bits} bits has {values.Length} entries; expected {count}.");
        }

        for (var i = 1; i < count; i++)
        {
            if (values[i] < values[i - 1])
            {
                throw new QuantizationException(string.Create(
                    CultureInfo.InvariantCulture, $"'{name}'[{i}] of a '{Scheme}' quantizer is {values[i]:r}; expected at least the entry before, {values[i - 1]:r}."));
            }
        }

        return values;
    }

    private static LevelTable ToTable(double[] levels, double[] thresholds)
    {
        var codes = new byte[levels.Length];
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = (byte)i;
        }

        // The outermost steps reach as far outwards as inwards.
        var lowest = levels[0] - ((levels[1] - levels[0]) / 2);
        var highest = levels[^1] + ((levels[^1] - levels[^2]) / 2);
        return LevelTable.Create(levels, thresholds, codes, lowest, highest, SlopeKind.One, shift: 0);
    }
}

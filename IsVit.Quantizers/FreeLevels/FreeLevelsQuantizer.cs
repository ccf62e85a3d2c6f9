using System.Globalization;
using IsVit.Core.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>2^b levels anywhere, per tensor (<see cref="ScaledLevelsQuantizer"/> per channel); a number's code is that of the nearest level. Calibration chooses the levels with the least squared error (Lloyd-Max), learning moves each by its gradient.</summary>
/// <remarks>
/// Codes are numbered from the smallest level. A product reads levels through a table of 2^b entries, as it does those of <see cref="ShiftUniformLog2.ShiftUniformLog2Quantizer"/> with free levels. While learning,
/// an entry of the learned vector is a level's displacement in mean distances between neighbouring levels.
/// </remarks>
public sealed class FreeLevelsQuantizer : TableQuantizer, ILearnableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "free-levels";

    internal const string LevelsName = "levels";

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
        new Dictionary<string, IReadOnlyList<double>> { [LevelsName] = Array.ConvertAll(Table!.Levels, static level => (double)level) },
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

    /// <inheritdoc/>
    public torch.Tensor BeginLearning() => BeginLearning(() => new LearnedLevels(Table!.Levels));

    /// <inheritdoc/>
    public void EndLearning() => EndLearning<LearnedLevels>(learned => Set(learned.Table()));

    /// <summary>Levels and the thresholds in their middles.</summary>
    /// <param name="exact">2^b levels, ascending.</param>
    internal static LevelTable ToTable(double[] exact)
    {
        // The levels as they are kept, so that a copy made of them has the same thresholds.
        var levels = Array.ConvertAll(exact, static level => (double)(float)level);
        var thresholds = new double[levels.Length - 1];
        LloydMax.Thresholds(levels, thresholds);
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

    private protected override void Fit(ChannelData data)
    {
        using var values = RankedValues.Of(data[0]);
        Set(ToTable(LloydMax.Find(values, Bits)));
    }

    private protected override void Import(QuantizationParameters parameters) => Take(ReadLevels(parameters, Bits));

    /// <summary>Takes levels, ascending.</summary>
    internal void Take(double[] levels) => Set(ToTable(levels));

    /// <summary>Reads the levels of exported parameters and checks them.</summary>
    internal static double[] ReadLevels(QuantizationParameters parameters, BitWidth bits)
    {
        var levels = ParameterCheck.Vector(parameters, LevelsName, static level => double.IsFinite((float)level), "a finite float32 number").ToArray();
        if (levels.Length != bits.CodeCount)
        {
            throw new QuantizationException($"'{LevelsName}' of a '{parameters.Scheme}' quantizer of {bits.Bits} bits has {levels.Length} entries; expected {bits.CodeCount}.");
        }

        RequireAscending(parameters, levels, levels.Length);
        return levels;
    }

    /// <summary>Throws unless the levels of each table ascend.</summary>
    /// <param name="parameters">What the levels are of.</param>
    /// <param name="levels">Table after table.</param>
    /// <param name="count">How many levels a table has.</param>
    internal static void RequireAscending(QuantizationParameters parameters, IReadOnlyList<double> levels, int count)
    {
        for (var i = 1; i < levels.Count; i++)
        {
            if (i % count != 0 && levels[i] < levels[i - 1])
            {
                throw new QuantizationException(string.Create(
                    CultureInfo.InvariantCulture, $"'{LevelsName}'[{i}] of a '{parameters.Scheme}' quantizer is {levels[i]:r}; expected at least the entry before, {levels[i - 1]:r}."));
            }
        }
    }
}

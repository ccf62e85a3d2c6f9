using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>
/// 2^b freely placed levels, per tensor (<see cref="ScaledLevelsQuantizer"/> per channel); a value's code is that of the nearest level. Calibration chooses the levels with the smallest squared error (Lloyd-Max), learning
/// moves each level by its gradient.
/// </summary>
/// <remarks>
/// Codes are numbered from the smallest level. A matrix product reads levels through a table of 2^b entries, as with <see cref="ShiftUniformLog2.ShiftUniformLog2Quantizer"/> with free levels. While learning,
/// an entry of the learned vector is a level's displacement in units of the mean distance between neighbouring levels.
/// </remarks>
public sealed class FreeLevelsQuantizer : TableQuantizer, ILearnableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = LevelsParameters.SchemeName;

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
    public override QuantizationParameters ExportParameters() => IsCalibrated ? new LevelsParameters(Bits, [.. Table!.Levels]) : throw NotCalibrated();

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

    private protected override void Import(QuantizationParameters parameters) => Take([.. Typed<LevelsParameters>(parameters).Table.Select(static level => (double)level)]);

    /// <summary>Takes levels, ascending.</summary>
    internal void Take(double[] levels) => Set(ToTable(levels));
}

using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Native;
using IsVit.Quantizers.Projections;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>
/// A table of 2^b levels for each channel, all of them on an 8-bit grid: x' = scale (level - zero point). Calibration chooses the levels with the smallest squared error for each channel separately.
/// </summary>
/// <remarks>
/// For weights: a matrix product reads codes of b bits, looks each up in its row's table, and multiplies 8-bit integers. A single weight that is far larger than the others of its row takes one level, without widening the range
/// of the others. A table takes 2^b bytes per channel, so it is worthwhile if a channel has many more elements than that.
/// </remarks>
public sealed class ChannelLevelsQuantizer : Quantizer, IImportanceQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = ChannelLevelsParameters.SchemeName;

    private const int LargestLevel = byte.MaxValue;

    private byte[] _levels = [];
    private float[] _scale = [];
    private byte[] _zeroPoint = [];

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per channel.</param>
    /// <exception cref="QuantizationException">The granularity is per tensor.</exception>
    public ChannelLevelsQuantizer(BitWidth bits, Granularity granularity)
        : base(bits, granularity ?? throw new ArgumentNullException(nameof(granularity)))
    {
        if (granularity is not Granularity.PerChannel)
        {
            throw new QuantizationException($"A '{SchemeName}' quantizer works per channel only; '{granularity}' was asked for.");
        }
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <inheritdoc/>
    public void Calibrate(torch.Tensor data, torch.Tensor importance)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(importance);
        using var scope = torch.NewDisposeScope();
        Importance.RequireBroadcast(importance, data.shape, "data of shape");
        using var channels = ChannelData.Create(data, Granularity, Scheme);
        using var counts = ChannelData.Create(importance.detach().expand(data.shape), Granularity, Scheme);
        Importance.RequireNonNegative(importance);
        Fit(channels, counts);
    }

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() =>
        IsCalibrated ? new ChannelLevelsParameters(Bits, Granularity, [.. _levels], [.. _scale], [.. _zeroPoint]) : throw NotCalibrated();

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new ChannelLevelsQuantizer(Bits, Granularity);
        if (IsCalibrated)
        {
            clone.Set(_levels, _scale, _zeroPoint);
        }

        return clone;
    }

    private protected override void Fit(ChannelData data) => Fit(data, importance: null);

    private protected override void Import(QuantizationParameters parameters)
    {
        var tables = Typed<ChannelLevelsParameters>(parameters);
        Set([.. tables.Table], [.. tables.Scale], [.. tables.ZeroPoint]);
    }

    private void Fit(ChannelData data, ChannelData? importance)
    {
        var count = Bits.CodeCount;
        var levels = new byte[data.Channels * count];
        var scale = new float[data.Channels];
        var zeroPoint = new byte[data.Channels];
        TorchThreads.For(data.Channels, channel =>
        {
            var exact = OptimalLevels.Find(data[channel], importance is null ? [] : importance[channel], count);
            var (low, high) = (Math.Min(exact[0], 0), Math.Max(exact[^1], 0));

            // A constant is reproduced exactly: it is one step from zero. Of numbers so small that no float32 is a part of them one step reaches all.
            var step = exact[0] == exact[^1] ? 0 : (float)((high - low) / LargestLevel);
            scale[channel] = step > 0 ? step : high > low ? (float)Math.Max(high, -low) : 1;
            zeroPoint[channel] = (byte)Math.Round(Math.Min(-low / scale[channel], LargestLevel));
            var own = levels.AsSpan(channel * count, count);
            for (var code = 0; code < count; code++)
            {
                own[code] = (byte)Math.Clamp(Math.Round(exact[code] / scale[channel]) + zeroPoint[channel], 0, LargestLevel);
            }

            if (IsPruned(data[channel]))
            {
                own[Nearest(exact)] = zeroPoint[channel];
            }
        });
        Set(levels, scale, zeroPoint);
    }

    // Training gives next to no number that is exactly 0; where a tenth of them are, they are meant to be.
    private static bool IsPruned(ReadOnlySpan<float> numbers) => numbers.Count(0f) * 10L >= numbers.Length;

    // The level that zeros go to. What moves there is nearer to it than its neighbours are, so that levels still ascend.
    private static int Nearest(double[] levels)
    {
        var nearest = 0;
        for (var i = 1; i < levels.Length; i++)
        {
            nearest = Math.Abs(levels[i]) < Math.Abs(levels[nearest]) ? i : nearest;
        }

        return nearest;
    }

    private void Set(byte[] levels, float[] scale, byte[] zeroPoint)
    {
        (_levels, _scale, _zeroPoint) = (levels, scale, zeroPoint);
        var count = Bits.CodeCount;
        Set(new ChannelTableProjection(new ChannelTables(
            [.. scale.Select((step, channel) => FreeLevelsQuantizer.ToTable(Array.ConvertAll(levels[(channel * count)..((channel + 1) * count)], level => Math.Clamp((double)step * (level - zeroPoint[channel]), -float.MaxValue, float.MaxValue))))])));
    }
}

using System.Collections.Immutable;

namespace IsVit.Model.Quantization;

/// <summary>A table of 2^b levels for each channel, which are 8-bit integers: code q represents scale (levels[q] - zero point).</summary>
public sealed class ChannelLevelsParameters : QuantizationParameters
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "channel-levels";

    private const string ScaleName = "scale";
    private const string ZeroPointName = "zero_point";

    /// <summary>Creates parameters.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per channel.</param>
    /// <param name="levels">2^b for each channel, channel by channel, ascending within each.</param>
    /// <param name="scale">One for each channel, finite and above 0.</param>
    /// <param name="zeroPoint">One for each channel.</param>
    /// <exception cref="QuantizationException">A value does not meet these conditions.</exception>
    public ChannelLevelsParameters(BitWidth bits, Granularity granularity, ImmutableArray<byte> levels, ImmutableArray<float> scale, ImmutableArray<byte> zeroPoint)
        : this(new NamedParameters(
            SchemeName,
            bits,
            granularity,
            new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal)
            {
                [LevelsParameters.LevelsName] = Vector(levels, nameof(levels)),
                [ScaleName] = Vector(scale, nameof(scale)),
                [ZeroPointName] = Vector(zeroPoint, nameof(zeroPoint)),
            },
            NamedParameters.NoOptions))
    {
    }

    internal ChannelLevelsParameters(NamedParameters named)
        : base(named)
    {
        Scale = named.Floats(ScaleName, static scale => scale > 0, "a finite float32 number above 0");
        ZeroPoint = named.Bytes(ZeroPointName);
        Table = named.Bytes(LevelsParameters.LevelsName);
        if (ZeroPoint.Length != Scale.Length || Table.Length != Scale.Length * Bits.CodeCount || Granularity is Granularity.PerTensor)
        {
            throw Unfit(FormattableString.Invariant($"a granularity per channel, a scale, a zero point and {Bits.CodeCount} levels for each channel"));
        }

        named.RequireAscending(LevelsParameters.LevelsName, Bits.CodeCount);
    }

    /// <summary>2^b levels for each channel, channel by channel, ascending within each.</summary>
    public ImmutableArray<byte> Table { get; }

    /// <summary>The distance between neighbouring integers, one for each channel.</summary>
    public ImmutableArray<float> Scale { get; }

    /// <summary>The level that represents zero, one for each channel.</summary>
    public ImmutableArray<byte> ZeroPoint { get; }

    /// <inheritdoc/>
    public override int SetCount => Scale.Length;

    private protected override void Fill(int set, Span<float> levels)
    {
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = Nearest((double)Scale[set] * (Table[(set * levels.Length) + code] - ZeroPoint[set]));
        }
    }
}

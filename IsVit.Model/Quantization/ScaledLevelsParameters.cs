using System.Collections.Immutable;

namespace IsVit.Model.Quantization;

/// <summary>One table of 2^b levels for all channels, and a scale and an offset for each: code q represents scale levels[q] + offset.</summary>
public sealed class ScaledLevelsParameters : QuantizationParameters
{
    private const string ScaleName = "scale";
    private const string OffsetName = "offset";

    /// <summary>Creates parameters.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per channel.</param>
    /// <param name="levels">2^b finite values, ascending.</param>
    /// <param name="scale">One for each channel, finite and not negative; 0 for a constant channel.</param>
    /// <param name="offset">One for each channel, finite.</param>
    /// <exception cref="QuantizationException">A value does not meet these conditions.</exception>
    public ScaledLevelsParameters(BitWidth bits, Granularity granularity, ImmutableArray<float> levels, ImmutableArray<float> scale, ImmutableArray<float> offset)
        : this(new NamedParameters(
            LevelsParameters.SchemeName,
            bits,
            granularity,
            new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal)
            {
                [LevelsParameters.LevelsName] = Vector(levels, nameof(levels)),
                [ScaleName] = Vector(scale, nameof(scale)),
                [OffsetName] = Vector(offset, nameof(offset)),
            },
            NamedParameters.NoOptions))
    {
    }

    internal ScaledLevelsParameters(NamedParameters named)
        : base(named)
    {
        Table = named.Levels(LevelsParameters.LevelsName);
        Scale = named.Floats(ScaleName, static scale => scale >= 0, "a finite float32 number of at least 0");
        Offset = named.Floats(OffsetName, static _ => true, "a finite float32 number");
        if (Scale.Length != Offset.Length || Granularity is Granularity.PerTensor)
        {
            throw Unfit("a granularity per channel, and a scale and an offset for each channel");
        }
    }

    /// <summary>The levels before scale and offset, ascending.</summary>
    public ImmutableArray<float> Table { get; }

    /// <summary>The factor of the levels, one for each channel.</summary>
    public ImmutableArray<float> Scale { get; }

    /// <summary>The value added after scaling, one for each channel.</summary>
    public ImmutableArray<float> Offset { get; }

    /// <inheritdoc/>
    public override int SetCount => Scale.Length;

    private protected override void Fill(int set, Span<float> levels)
    {
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = Nearest(((double)Scale[set] * Table[code]) + Offset[set]);
        }
    }
}

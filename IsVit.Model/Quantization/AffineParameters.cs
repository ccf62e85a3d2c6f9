using System.Collections.Immutable;

namespace IsVit.Model.Quantization;

/// <summary>Uniform steps: code q represents scale (q - zero point) (I&amp;S-ViT, arXiv 2311.10126, eq. 7 to 9).</summary>
public sealed class AffineParameters : QuantizationParameters
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "uniform";

    private const string ScaleName = "scale";
    private const string ZeroPointName = "zero_point";
    private const string SymmetricName = "symmetric";

    /// <summary>Creates parameters.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Which elements share a scale and a zero point.</param>
    /// <param name="scale">One for each set of parameters, finite and above 0.</param>
    /// <param name="zeroPoint">One for each set of parameters, a whole number of at most 2^24 in absolute value; it need not be a code.</param>
    /// <param name="isSymmetric">Whether the zero point is the middle code, 2^(b-1), in all sets.</param>
    /// <exception cref="QuantizationException">A value does not meet these conditions.</exception>
    public AffineParameters(BitWidth bits, Granularity granularity, ImmutableArray<float> scale, ImmutableArray<float> zeroPoint, bool isSymmetric)
        : this(new NamedParameters(
            SchemeName,
            bits,
            granularity,
            new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal) { [ScaleName] = Vector(scale, nameof(scale)), [ZeroPointName] = Vector(zeroPoint, nameof(zeroPoint)) },
            new Dictionary<string, string>(StringComparer.Ordinal) { [SymmetricName] = isSymmetric ? "true" : "false" }))
    {
    }

    internal AffineParameters(NamedParameters named)
        : base(named)
    {
        Scale = named.Floats(ScaleName, static scale => scale > 0, "a positive finite float32 number");
        ZeroPoint = named.Floats(ZeroPointName, static point => Math.Abs(point) <= 1 << 24 && Math.Round(point) == point, "an integer of at most 2^24");
        IsSymmetric = named.Option(SymmetricName, "true", "false") == "true";
        if (Scale.Length != ZeroPoint.Length || (Granularity is Granularity.PerTensor && Scale.Length != 1))
        {
            throw Unfit(Granularity is Granularity.PerTensor ? "one each" : "equally many");
        }

        if (IsSymmetric && ZeroPoint.Any(point => point != Bits.CodeCount / 2))
        {
            throw new QuantizationException(FormattableString.Invariant($"A symmetric '{Scheme}' quantizer of {Bits} bits has zero point {Bits.CodeCount / 2} throughout; the parameters have others."));
        }
    }

    /// <summary>The distance between neighbouring levels, one for each set of parameters.</summary>
    public ImmutableArray<float> Scale { get; }

    /// <summary>The position on the code axis that represents zero, one for each set of parameters; a whole number, which need not be a code.</summary>
    public ImmutableArray<float> ZeroPoint { get; }

    /// <summary>Whether the zero point is the middle code in all sets.</summary>
    public bool IsSymmetric { get; }

    /// <inheritdoc/>
    public override int SetCount => Scale.Length;

    private protected override void Fill(int set, Span<float> levels)
    {
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = Scale[set] * (code - ZeroPoint[set]);
        }
    }
}

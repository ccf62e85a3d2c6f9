namespace IsVit.Model.Quantization;

/// <summary>
/// Two uniform ranges of 2^(b-1) codes each, one bit of the code selecting the range (PTQ4ViT, arXiv 2111.12293), per tensor. Code q below 2^(b-1) represents first scale q, or
/// -first scale q if the ranges are <see cref="TwinRanges.Sign"/>; the others represent second scale (q - 2^(b-1)).
/// </summary>
public sealed class TwinUniformParameters : QuantizationParameters
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "twin-uniform";

    private const string FirstName = "first_scale";
    private const string SecondName = "second_scale";
    private const string RangesName = "ranges";
    private const string MagnitudeName = "magnitude";
    private const string SignName = "sign";

    /// <summary>Creates parameters.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="firstScale">The step of small values, or of negative ones; finite and above 0.</param>
    /// <param name="secondScale">The step of large values, or of non-negative ones; finite and above 0.</param>
    /// <param name="ranges">What the range bit selects.</param>
    /// <exception cref="QuantizationException">A scale does not meet these conditions.</exception>
    public TwinUniformParameters(BitWidth bits, double firstScale, double secondScale, TwinRanges ranges)
        : this(new NamedParameters(
            SchemeName,
            bits,
            Granularity.Tensor,
            new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal) { [FirstName] = [firstScale], [SecondName] = [secondScale] },
            new Dictionary<string, string>(StringComparer.Ordinal) { [RangesName] = ranges == TwinRanges.Sign ? SignName : MagnitudeName }))
    {
    }

    internal TwinUniformParameters(NamedParameters named)
        : base(named)
    {
        FirstScale = named.Single(FirstName, static scale => scale > 0 && double.IsFinite(scale), "a positive finite number");
        SecondScale = named.Single(SecondName, static scale => scale > 0 && double.IsFinite(scale), "a positive finite number");
        Ranges = named.Option(RangesName, MagnitudeName, SignName) == SignName ? TwinRanges.Sign : TwinRanges.Magnitude;
    }

    /// <summary>The step of small values, or of negative ones.</summary>
    public double FirstScale { get; }

    /// <summary>The step of large values, or of non-negative ones.</summary>
    public double SecondScale { get; }

    /// <summary>What the range bit selects.</summary>
    public TwinRanges Ranges { get; }

    /// <inheritdoc/>
    public override int SetCount => 1;

    /// <summary>What a code stands for.</summary>
    internal static double Level(double firstScale, double secondScale, TwinRanges ranges, int code, int count) =>
        code >= count / 2 ? secondScale * (code - (count / 2)) : ranges == TwinRanges.Sign ? -firstScale * code : firstScale * code;

    private protected override void Fill(int set, Span<float> levels)
    {
        for (var code = 0; code < levels.Length; code++)
        {
            levels[code] = Nearest(Level(FirstScale, SecondScale, Ranges, code, levels.Length));
        }
    }
}

using System.Collections.Immutable;

namespace IsVit.Model.Quantization;

/// <summary>
/// SULQ: uniform steps of -log2(x + eta), for post-Softmax activations, per tensor (I&amp;S-ViT, arXiv 2311.10126, eq. 13 and 14). Code q represents 2^e - eta with
/// e = log2 max - q (log2 max - log2 min) / (2^b - 1), or a level determined by <see cref="Kind"/>.
/// </summary>
public sealed class ShiftUniformLog2Parameters : QuantizationParameters
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

    /// <summary>Creates parameters.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="eta">The shift, finite and not negative.</param>
    /// <param name="log2Min">log2 of (smallest value + eta), finite.</param>
    /// <param name="log2Max">log2 of (largest value + eta), finite and at least <paramref name="log2Min"/>.</param>
    /// <param name="kind">What codes decode to.</param>
    /// <param name="fitted">2^b ascending levels if <paramref name="kind"/> is <see cref="SulqLevels.Fitted"/>; not used otherwise.</param>
    /// <exception cref="QuantizationException">A value does not meet these conditions.</exception>
    public ShiftUniformLog2Parameters(BitWidth bits, double eta, double log2Min, double log2Max, SulqLevels kind, ImmutableArray<float> fitted = default)
        : this(new NamedParameters(
            SchemeName,
            bits,
            Granularity.Tensor,
            Named(eta, log2Min, log2Max, kind, fitted),
            new Dictionary<string, string>(StringComparer.Ordinal) { [LevelsName] = kind switch { SulqLevels.Free => FreeName, SulqLevels.Fitted => FittedName, _ => PowerOfTwoName } }))
    {
    }

    internal ShiftUniformLog2Parameters(NamedParameters named)
        : base(named)
    {
        Eta = named.Single(EtaName, static eta => eta >= 0 && double.IsFinite(eta), "a finite number, not negative");
        var low = named.Single(Log2MinName, double.IsFinite, "a finite number");
        Log2Max = named.Single(Log2MaxName, high => double.IsFinite(high) && high >= low, FormattableString.Invariant($"a finite number of at least '{Log2MinName}', {low}"));
        Log2Min = low;
        Kind = named.Option(LevelsName, FreeName, PowerOfTwoName, FittedName) switch
        {
            FreeName => SulqLevels.Free,
            PowerOfTwoName => SulqLevels.PowerOfTwo,
            _ => SulqLevels.Fitted,
        };
        Fitted = Kind == SulqLevels.Fitted ? named.Levels(LevelsName) : [];
    }

    /// <summary>The shift.</summary>
    public double Eta { get; }

    /// <summary>log2 of (smallest value + eta).</summary>
    public double Log2Min { get; }

    /// <summary>log2 of (largest value + eta).</summary>
    public double Log2Max { get; }

    /// <summary>What codes decode to.</summary>
    public SulqLevels Kind { get; }

    /// <summary>2^b ascending levels if <see cref="Kind"/> is <see cref="SulqLevels.Fitted"/>, the last of which is that of code 0; otherwise empty.</summary>
    public ImmutableArray<float> Fitted { get; }

    /// <inheritdoc/>
    public override int SetCount => 1;

    /// <summary>The level at a position from the smallest, 2^b - 1 - code, or between two.</summary>
    internal static double Level(double eta, double log2Min, double log2Max, SulqLevels kind, double position, int count)
    {
        var exponent = log2Min + ((log2Max - log2Min) / (count - 1) * position);
        return Math.Pow(2, kind == SulqLevels.PowerOfTwo ? Math.Round(exponent) : exponent) - eta;
    }

    private protected override void Fill(int set, Span<float> levels)
    {
        for (var code = 0; code < levels.Length; code++)
        {
            var position = Bits.MaxCode - code;
            levels[code] = Kind == SulqLevels.Fitted ? Fitted[position] : Nearest(Level(Eta, Log2Min, Log2Max, Kind, position, levels.Length));
        }
    }

    private static Dictionary<string, IReadOnlyList<double>> Named(double eta, double log2Min, double log2Max, SulqLevels kind, ImmutableArray<float> fitted)
    {
        var values = new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal) { [EtaName] = [eta], [Log2MinName] = [log2Min], [Log2MaxName] = [log2Max] };
        if (kind == SulqLevels.Fitted)
        {
            values[LevelsName] = Vector(fitted, nameof(fitted));
        }

        return values;
    }
}

using System.Collections.Immutable;

namespace IsVit.Model.Quantization;

/// <summary>A table of 2^b levels for a whole tensor, a codebook: code q represents its entry q.</summary>
public sealed class LevelsParameters : QuantizationParameters
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "free-levels";

    internal const string LevelsName = "levels";

    /// <summary>Creates parameters.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="levels">2^b finite values, ascending.</param>
    /// <exception cref="QuantizationException">The levels do not meet these conditions.</exception>
    public LevelsParameters(BitWidth bits, ImmutableArray<float> levels)
        : this(new NamedParameters(
            SchemeName,
            bits,
            Granularity.Tensor,
            new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal) { [LevelsName] = Vector(levels, nameof(levels)) },
            NamedParameters.NoOptions))
    {
    }

    internal LevelsParameters(NamedParameters named)
        : base(named) => Table = named.Levels(LevelsName);

    /// <summary>The level of each code, ascending.</summary>
    public ImmutableArray<float> Table { get; }

    /// <inheritdoc/>
    public override int SetCount => 1;

    private protected override void Fill(int set, Span<float> levels) => Table.CopyTo(levels);
}

using System.Collections.Immutable;
using System.Globalization;
using IsVit.Model.Quantization;

namespace IsVit.Quantizers.ShiftUniformLog2;

/// <summary>How a shift-uniform-log2 quantizer chooses its shift and what its codes decode to.</summary>
public sealed record ShiftUniformLog2Options
{
    private readonly ImmutableArray<double> _etaGrid = DefaultEtaGrid;
    private readonly SulqLevels _levels;

    /// <summary>The shifts that the authors' released code searches: .001 to 1.</summary>
    public static ImmutableArray<double> ReleasedEtaGrid { get; } = [.001, .005, .01, .02, .03, .04, .05, .1, .2, .5, 1];

    /// <summary>The released grid extended downwards: the paper's worked example needs a shift between 1e-6 and 2e-6.</summary>
    public static ImmutableArray<double> DefaultEtaGrid { get; } =
        [1e-6, 1.5e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, .001, .002, .005, .01, .02, .03, .04, .05, .1, .2, .5, 1];

    /// <summary>What codes decode to. Default: <see cref="SulqLevels.Free"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a member of the enumeration.</exception>
    public SulqLevels Levels
    {
        get => _levels;
        init => _levels = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Levels), value, $"{nameof(Levels)} is {nameof(SulqLevels.Free)} or {nameof(SulqLevels.PowerOfTwo)}.");
    }

    /// <summary>The shifts to search, at least one, each positive and finite. Default: <see cref="DefaultEtaGrid"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The grid is empty or contains a value that is not positive and finite.</exception>
    public ImmutableArray<double> EtaGrid
    {
        get => _etaGrid;
        init
        {
            if (value.IsDefaultOrEmpty)
            {
                throw new ArgumentOutOfRangeException(nameof(EtaGrid), $"{nameof(EtaGrid)} is empty; at least one shift is needed.");
            }

            foreach (var eta in value)
            {
                if (!(eta > 0 && double.IsFinite(eta)))
                {
                    throw new ArgumentOutOfRangeException(
                        nameof(EtaGrid), eta, string.Create(CultureInfo.InvariantCulture, $"{nameof(EtaGrid)} holds {eta}; a shift is positive and finite."));
                }
            }

            _etaGrid = value;
        }
    }

    /// <inheritdoc/>
    public bool Equals(ShiftUniformLog2Options? other) =>
        other is not null && Levels == other.Levels && EtaGrid.AsSpan().SequenceEqual(other.EtaGrid.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Levels);
        foreach (var eta in EtaGrid)
        {
            hash.Add(eta);
        }

        return hash.ToHashCode();
    }
}

using System.Collections.Immutable;
using System.Globalization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.Uniform;

/// <summary>Symmetric percentile pairs, judged by their squared error (the authors' released code).</summary>
internal sealed record PercentileObserver : RangeObserver
{
    private readonly ImmutableArray<double> _fractions;

    public PercentileObserver(ImmutableArray<double> fractions)
    {
        if (fractions.IsEmpty)
        {
            throw new ArgumentOutOfRangeException(nameof(fractions), "A percentile search needs at least one fraction.");
        }

        foreach (var fraction in fractions)
        {
            if (fraction is not (> 0.5 and <= 1))
            {
                throw new ArgumentOutOfRangeException(nameof(fractions), fraction, "A percentile fraction is above 0.5 and at most 1.");
            }
        }

        _fractions = fractions;
    }

    public bool Equals(PercentileObserver? other) => other is not null && _fractions.AsSpan().SequenceEqual(other._fractions.AsSpan());

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var fraction in _fractions)
        {
            hash.Add(fraction);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => $"percentiles {string.Join(", ", _fractions.Select(f => f.ToString(CultureInfo.InvariantCulture)))}";

    internal override UniformGrid Find(RankedValues values, BitWidth bits, bool symmetric)
    {
        UniformGrid? best = null;
        var smallest = double.PositiveInfinity;
        foreach (var fraction in _fractions)
        {
            var high = values.Quantile(fraction);
            var low = values.Quantile(1 - fraction);

            // A pair that spans nothing: all but a few outliers are one value.
            if (!(high > low))
            {
                continue;
            }

            var grid = UniformGrid.FromRange(low, high, bits, symmetric);
            var error = grid.SquaredError(values, bits);
            if (error < smallest)
            {
                (best, smallest) = (grid, error);
            }
        }

        return best ?? MinMax.Find(values, bits, symmetric);
    }
}

using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using MathNet.Numerics.Optimization;

namespace IsVit.Quantizers.Uniform;

/// <summary>
/// Scale and zero point by squared error: from the released percentile pairs and the whole range, a grid of scales for the zero points around the best of them, then
/// a golden-section search around the best scale. Never worse than what it starts from.
/// </summary>
internal sealed record MseObserver : RangeObserver
{
    private const int Steps = 24;
    private const double SmallestShrink = 0.3;
    private const double Tolerance = 1e-4;
    private const int MaximumIterations = 40;
    private const double LargestRatio = 1e100;

    public override string ToString() => "mse";

    internal override UniformGrid Find(RankedValues values, BitWidth bits, bool symmetric)
    {
        var whole = MinMax.Find(values, bits, symmetric);
        var best = Measured(whole, values, bits);
        foreach (var start in (ReadOnlySpan<RangeObserver>)[ActivationPercentiles, WeightPercentiles])
        {
            best = Better(best, start.Find(values, bits, symmetric), values, bits);
        }

        var centre = best.Grid.ZeroPoint;
        for (var shift = symmetric ? 0 : -1; shift <= (symmetric ? 0 : 1); shift++)
        {
            best = Scan(best, centre + shift, whole.Scale, values, bits);
        }

        return Refine(best, whole.Scale, values, bits).Grid;
    }

    private static Candidate Scan(Candidate best, float zeroPoint, float wholeScale, RankedValues values, BitWidth bits)
    {
        for (var step = 0; step <= Steps; step++)
        {
            var scale = (float)(wholeScale * (SmallestShrink + ((1 - SmallestShrink) * step / Steps)));
            best = Better(best, new UniformGrid(scale, zeroPoint), values, bits);
        }

        return best;
    }

    private static Candidate Refine(Candidate best, float wholeScale, RankedValues values, BitWidth bits)
    {
        var step = wholeScale * (1 - SmallestShrink) / Steps;
        double low = Math.Max(best.Grid.Scale - step, best.Grid.Scale / 2), high = best.Grid.Scale + step;
        if (best.Error == 0 || !(high - low > Tolerance * best.Grid.Scale))
        {
            return best;
        }

        // The search works on the scale relative to its start, so that its tolerance means the same for every channel.
        var start = best.Grid;
        var error = best.Error;
        double Relative(double factor)
        {
            var candidate = start with { Scale = (float)(start.Scale * factor) };
            if (!candidate.IsRepresentable(bits))
            {
                return LargestRatio;
            }

            var tried = Measured(candidate, values, bits);
            best = Better(best, tried);
            return Math.Min(tried.Error / error, LargestRatio);
        }

        try
        {
            _ = GoldenSectionMinimizer.Minimum(ObjectiveFunction.ScalarValue(Relative), low / start.Scale, high / start.Scale, Tolerance, MaximumIterations);
        }
        catch (OptimizationException)
        {
            // Not converged or a flat bracket: the best of what was tried stands.
        }

        return best;
    }

    private static Candidate Better(Candidate best, UniformGrid grid, RankedValues values, BitWidth bits) =>
        grid.IsRepresentable(bits) ? Better(best, Measured(grid, values, bits)) : best;

    private static Candidate Better(Candidate best, Candidate other) => other.Error < best.Error ? other : best;

    private static Candidate Measured(UniformGrid grid, RankedValues values, BitWidth bits) => new(grid, grid.SquaredError(values, bits));

    private readonly record struct Candidate(UniformGrid Grid, double Error);
}

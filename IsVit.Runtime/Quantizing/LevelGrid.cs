using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Quantizing;

/// <summary>Levels on a grid of 16-bit integers: level i is nearly step (multiple i - middle).</summary>
/// <param name="Step">The grid's step.</param>
/// <param name="Multiples">An integer for each level, at most 32767 in absolute value.</param>
/// <param name="Middle">What the multiple of zero is or would be: levels that lie to one side of zero have a grid twice as fine. 0 where 16 bits hold all multiples of a step that is exact.</param>
/// <param name="LargestError">The largest |level - step (multiple - middle)|.</param>
/// <param name="IsExact">Whether each level is the float32 number nearest to step times multiple, so that only the level's own rounding separates the two.</param>
internal sealed record LevelGrid(double Step, ImmutableArray<short> Multiples, int Middle, double LargestError, bool IsExact)
{
    private const int Largest = short.MaxValue;

    // Between (largest - smallest level) / 65533, zero taken as a level and the middle rounded, and twice that.
    private const int Candidates = 4096;
    private const int Steps = (2 * Largest) - 1;

    // A common step is the smallest distance of two levels, or of a level from zero, or a small part of it.
    private const int MostParts = 16;

    /// <summary>Finds the grid: one that holds the levels exactly if there is one, otherwise the one among some thousands whose largest error is smallest.</summary>
    /// <param name="levels">Finite numbers.</param>
    /// <param name="frequencies">How often each level occurs: the errors that are compared are multiplied by it. Empty for equal ones.</param>
    public static LevelGrid Create(ReadOnlySpan<float> levels, ReadOnlySpan<float> frequencies = default)
    {
        if (!frequencies.IsEmpty && frequencies.Length != levels.Length)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {levels.Length} levels and {frequencies.Length} frequencies; expected as many, or none."), nameof(frequencies));
        }

        double largest = 0, low = 0, high = 0;
        foreach (var level in levels)
        {
            (low, high) = (Math.Min(low, level), Math.Max(high, level));
            largest = Math.Max(largest, Math.Abs((double)level));
        }

        if (!double.IsFinite(largest))
        {
            throw new ArgumentException("A level is not finite.", nameof(levels));
        }

        if (largest == 0)
        {
            return Of(levels, 1, middle: 0, isExact: true);
        }

        if (CommonStep(levels, largest, high - low) is { } common)
        {
            return Of(levels, common, largest / common < Largest + 0.5 ? 0 : Middle(common), isExact: true);
        }

        var step = BestStep(levels, frequencies, (high - low) / Steps);
        return Of(levels, step, Middle(step), isExact: false);

        int Middle(double step) => (int)-Math.Round((low + high) / 2 / step);
    }

    private static LevelGrid Of(ReadOnlySpan<float> levels, double step, int middle, bool isExact)
    {
        var multiples = new short[levels.Length];
        var error = 0.0;
        for (var i = 0; i < levels.Length; i++)
        {
            multiples[i] = (short)Math.Clamp(Math.Round(levels[i] / step) + middle, -Largest, Largest);
            error = Math.Max(error, Math.Abs(levels[i] - (step * (multiples[i] - middle))));
        }

        return new(step, ImmutableArray.Create(multiples), middle, error, isExact);
    }

    private static double Multiple(double level, double step) => Math.Round(level / step);

    private static double? CommonStep(ReadOnlySpan<float> levels, double largest, double width)
    {
        var sorted = levels.ToArray();
        Array.Sort(sorted);
        var smallest = largest;
        for (var i = 0; i < sorted.Length; i++)
        {
            smallest = sorted[i] == 0 ? smallest : Math.Min(smallest, Math.Abs((double)sorted[i]));
            smallest = i == 0 || sorted[i] == sorted[i - 1] ? smallest : Math.Min(smallest, (double)sorted[i] - sorted[i - 1]);
        }

        for (var parts = 1; parts <= MostParts; parts++)
        {
            if (Refine(levels, smallest / parts, width) is { } step)
            {
                return step;
            }
        }

        return null;
    }

    /// <summary>A step near the given one that every level is a multiple of up to its rounding, a float32 number if one is; null if there is none.</summary>
    private static double? Refine(ReadOnlySpan<float> levels, double step, double width)
    {
        if (width / step > Steps + 0.5)
        {
            return null;
        }

        // The distance of two rounded levels is a step up to the rounding of both. Fitted to levels farther and farther away, it is good enough to tell the multiples of the next.
        var order = levels.ToArray();
        Array.Sort(order, static (a, b) => Math.Abs(a).CompareTo(Math.Abs(b)));
        double sum = 0, squares = 0;
        foreach (var level in order)
        {
            var multiple = Multiple(level, step);
            (sum, squares) = (sum + (level * multiple), squares + (multiple * multiple));
            step = squares > 0 ? sum / squares : step;
        }

        double least = 0, most = double.PositiveInfinity;
        foreach (var level in levels)
        {
            var multiple = Math.Abs(Multiple(level, step));
            var size = MathF.Abs(level);
            if (multiple == 0)
            {
                if (level != 0)
                {
                    return null;
                }

                continue;
            }

            // What rounds to the level.
            least = Math.Max(least, (size - (((double)size - MathF.BitDecrement(size)) / 2)) / multiple);
            most = Math.Min(most, (size + (((double)MathF.BitIncrement(size) - size) / 2)) / multiple);
        }

        if (least > most)
        {
            return null;
        }

        var middle = (least + most) / 2;
        return IsStepOf(levels, (float)middle) ? (float)middle : IsStepOf(levels, middle) ? middle : null;
    }

    private static bool IsStepOf(ReadOnlySpan<float> levels, double step)
    {
        foreach (var level in levels)
        {
            if ((float)(step * Multiple(level, step)) != level)
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double BestStep(ReadOnlySpan<float> levels, ReadOnlySpan<float> frequencies, double finest)
    {
        // Levels whose errors count most first: most candidates fail at one of these.
        var (order, weights) = (levels.ToArray(), frequencies.ToArray());
        if (!frequencies.IsEmpty)
        {
            Array.Sort(weights, order);
            Array.Reverse(weights);
            Array.Reverse(order);
        }

        // Added and taken off again, it rounds to the nearest whole number, half to even: whole numbers here are far below 2^51.
        var rounding = Vector256.Create(1.5 * (1L << 52));
        var (best, smallest) = (finest, double.PositiveInfinity);
        for (var candidate = 0; candidate < Candidates; candidate += Vector256<double>.Count)
        {
            var number = Vector256.Create((double)candidate) + Vector256.Create(0.0, 1, 2, 3);
            var step = Vector256.Create(finest) * (Vector256.Create(1.0) + (number / Vector256.Create((double)Candidates)));
            var perUnit = Vector256<double>.One / step;
            var error = Vector256<double>.Zero;
            for (var i = 0; i < order.Length && Vector256.LessThanAny(error, Vector256.Create(smallest)); i++)
            {
                var level = Vector256.Create((double)order[i]);
                var own = Vector256.Abs(level - (step * (((level * perUnit) + rounding) - rounding)));
                error = Vector256.Max(error, weights.Length == 0 ? own : own * Vector256.Create((double)weights[i]));
            }

            for (var lane = 0; lane < Vector256<double>.Count; lane++)
            {
                (best, smallest) = error[lane] < smallest ? (step[lane], error[lane]) : (best, smallest);
            }
        }

        return best;
    }
}

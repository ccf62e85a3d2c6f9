using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.ShiftUniformLog2;

/// <summary>The shift and the levels with which a product loses least.</summary>
internal static class SulqFit
{
    // Bins that the numbers are sorted into once; each shift's codes are made of them, roughly, to tell which shifts are worth exact ones.
    private const int Bins = 128;
    private const int Finalists = 4;

    // The smallest numbers, of which no shift makes more than one code, are one bin.
    private const double Octaves = 20;

    // A level for few numbers is drawn to where the shift has it.
    private const double Pull = 1e-3;

    /// <summary>Tries every grid.</summary>
    /// <param name="operands">What is multiplied.</param>
    /// <param name="grids">At least one.</param>
    /// <param name="bits">The bits of a code.</param>
    /// <returns>The best grid, and 2^b levels, ascending.</returns>
    public static (SulqGrid Grid, double[] Levels) Find(ProductOperands operands, IReadOnlyList<SulqGrid> grids, BitWidth bits)
    {
        var middles = Middles(grids[0]);
        var bins = ProductMoments.Of(operands, [.. middles.Zip(middles.Skip(1), static (low, high) => (float)Math.Sqrt(low * high))]);
        var finalists = grids.OrderBy(grid => Fit(Together(bins, middles, grid, bits), grid, bits).Error).Take(Finalists);
        var best = finalists.Select(grid => Fit(ProductMoments.Of(operands, grid.ToTable(bits, SulqLevels.Free).Thresholds), grid, bits)).MinBy(static fit => fit.Error);
        return (best.Grid, best.Levels);
    }

    private static ProductMoments Together(ProductMoments bins, double[] middles, SulqGrid grid, BitWidth bits)
    {
        var thresholds = new double[bits.MaxCode];
        grid.Thresholds(thresholds);
        return bins.Together(Array.ConvertAll(thresholds, threshold => middles.Count(middle => middle < threshold)));
    }

    private static (SulqGrid Grid, double[] Levels, double Error) Fit(ProductMoments codes, SulqGrid grid, BitWidth bits)
    {
        var near = new double[bits.CodeCount];
        grid.Levels(near, SulqLevels.Free);
        var levels = codes.Levels(near, Pull);
        Array.Sort(levels);
        return (grid, levels, codes.Error(levels));
    }

    // What each bin holds, roughly: evenly spaced logarithms.
    private static double[] Middles(SulqGrid grid)
    {
        var highest = Math.Pow(2, grid.Log2Max) - grid.Eta;
        var lowest = Math.Max(Math.Pow(2, grid.Log2Min) - grid.Eta, highest * Math.Pow(2, -Octaves));
        return [.. Enumerable.Range(0, Bins).Select(i => lowest * Math.Pow(highest / lowest, i / (Bins - 1.0)))];
    }
}

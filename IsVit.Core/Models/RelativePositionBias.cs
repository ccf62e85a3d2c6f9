using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>Biases of relative positions for windows of another size.</summary>
internal static class RelativePositionBias
{
    // Distances grow by at least and at most this from one to the next.
    private const double LeastGrowth = 1.01;
    private const double MostGrowth = 1.5;
    private const double GrowthTolerance = 1e-6;

    /// <summary>Tokens along a side of the window that a table is of.</summary>
    /// <param name="count">The table's relative positions.</param>
    /// <returns>Null where they are those of no square window.</returns>
    public static int? WindowOf(long count)
    {
        var reach = (int)Math.Round(Math.Sqrt(Math.Max(count, 0)));
        return reach % 2 == 1 && (long)reach * reach == count ? (reach + 1) / 2 : null;
    }

    /// <summary>
    /// Resizes a table as timm's <c>resize_rel_pos_bias_table</c> does (after BEiT): the given distances are spread over those wanted as a geometric progression, so that short ones stay as they are and long ones are drawn apart, and between them the
    /// biases are interpolated linearly along each axis; what is farther than the last one has its bias.
    /// </summary>
    /// <param name="table">[(2 window - 1)^2, heads], row by row.</param>
    /// <param name="window">Tokens along a side of the window that is wanted.</param>
    /// <returns>[(2 <paramref name="window"/> - 1)^2, heads], in the type of <paramref name="table"/>.</returns>
    /// <exception cref="ArgumentException">The table is of no square window.</exception>
    public static torch.Tensor Resize(torch.Tensor table, int window)
    {
        var given = WindowOf(table.shape[0])
            ?? throw new ArgumentException(FormattableString.Invariant($"The table has {table.shape[0]} relative positions; expected the square of an odd number."), nameof(table));
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var (reach, wanted, heads) = ((2 * given) - 1, (2 * window) - 1, table.shape[1]);
        var weights = torch.tensor(Weights(given, window)); // [wanted, reach]
        var high = BatchedProduct.Of(weights, table.to(torch.float64).reshape(reach, reach * heads)).reshape(wanted, reach, heads);
        return BatchedProduct.Of(weights, high.permute(1, 0, 2).reshape(reach, wanted * heads)) // [columns, rows x heads]
            .reshape(wanted, wanted, heads).permute(1, 0, 2).reshape((long)wanted * wanted, heads).to(table.dtype).MoveToOuterDisposeScope();
    }

    // How much each given distance counts for each wanted one, from -(window - 1) to window - 1.
    private static double[,] Weights(int given, int window)
    {
        var places = Places(given, window);
        var weights = new double[(2 * window) - 1, places.Length];
        for (var row = 0; row < weights.GetLength(0); row++)
        {
            var distance = row - (window - 1);
            var right = Array.FindIndex(places, place => place >= distance);
            if (right <= 0)
            {
                weights[row, right < 0 ? places.Length - 1 : 0] = 1;
                continue;
            }

            var share = (distance - places[right - 1]) / (places[right] - places[right - 1]);
            (weights[row, right - 1], weights[row, right]) = (1 - share, share);
        }

        return weights;
    }

    // Where the given distances lie among those wanted: 0, 1, 1 + q, 1 + q + q^2, ... to both sides, with the last at the end if there is such a q.
    private static double[] Places(int given, int window)
    {
        var (low, high, growth) = (LeastGrowth, MostGrowth, 0.0);
        while (high - low > GrowthTolerance)
        {
            growth = (low + high) / 2;
            (low, high) = Sum(growth, given - 1) > window - 1 ? (low, growth) : (growth, high);
        }

        var places = new double[(2 * given) - 1];
        for (var i = 1; i < given; i++)
        {
            var place = Sum(growth, i);
            (places[given - 1 - i], places[given - 1 + i]) = (-place, place);
        }

        return places;
    }

    // 1 + q + ... + q^(count - 1).
    private static double Sum(double growth, int count) => (1 - Math.Pow(growth, count)) / (1 - growth);
}

using System.Diagnostics;
using System.Globalization;
using IsVit.Runtime.Products;

namespace IsVit.Benchmarks.Runtime;

/// <summary>Prints how many products a second each loop of this processor does on one core, and what share that is of what it does in the first-level cache.</summary>
internal static class ProductRates
{
    private const int Rounds = 40;

    /// <summary>Prints the table.</summary>
    /// <returns>The exit code.</returns>
    public static int Run()
    {
        foreach (var tiles in Tiles.Supported.Skip(1))
        {
            Console.WriteLine($"{tiles}, billions of products a second on one core (share of the rate in cache):");
            Console.WriteLine();
            Console.WriteLine($"| product | {string.Join(" | ", ProductShape.All)} |");
            Console.WriteLine($"|---|{string.Concat(ProductShape.All.Select(static _ => "--:|"))}");
            Row("float32", shape => ProductWork.OfCodes(tiles, shape, 8, 8), static work => work.Floats());
            foreach (var (bits, weightBits) in ((int, int)[])[(8, 8), (4, 8), (4, 4), (3, 3)])
            {
                Row($"codes of {bits} bits, weights of {weightBits}", shape => ProductWork.OfCodes(tiles, shape, bits, weightBits), static work => work.Integers());
            }

            Row("16-bit levels, weights of 8", shape => ProductWork.OfLevels(tiles, shape), static work => work.Integers());
            Console.WriteLine();
        }

        return 0;
    }

    private static void Row(string name, Func<ProductShape, ProductWork> create, Action<ProductWork> multiply)
    {
        var rates = ProductShape.All.Select(shape => Rate(create(shape), multiply)).ToList();
        var form = create(ProductShape.All[0]).Form;
        Console.WriteLine($"| {name}{(name == "float32" ? "" : $" ({form})")} | {string.Join(" | ", rates.Select((rate, i) => string.Create(CultureInfo.InvariantCulture, $"{rate:F0}{(i == 0 ? "" : $" ({rate / rates[0]:P0})")}")))} |");
    }

    private static double Rate(ProductWork work, Action<ProductWork> multiply)
    {
        // The best round: others share the machine.
        var calls = Math.Max(1, (int)(3e8 / work.Products));
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var call = 0; call < calls; call++)
            {
                multiply(work);
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds / calls);
        }

        return work.Products / best / 1e9;
    }
}

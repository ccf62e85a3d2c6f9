using System.Globalization;
using IsVit.Core.Coverage;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Reporting;

/// <summary>How much of a model's arithmetic is quantized, for people.</summary>
internal static class CoverageLines
{
    private const double WarnAbove = 0.01;
    private const int ProductsNamed = 5;

    /// <summary>Writes how many products are quantized, and which are not; above 1 % that is not meant to a warning, with the products that take most.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="coverage">What was measured.</param>
    /// <param name="isMeant">Whether activations are meant to stay in float, which nobody need be warned of.</param>
    /// <param name="isLeft">Whether a module, by its path, is meant to; null for none.</param>
    public static void Write(ToolConsole console, QuantizationCoverage coverage, bool isMeant = false, Func<string, bool>? isLeft = null)
    {
        var inFloat = coverage.Products.Where(static product => !product.IsQuantized).ToLookup(product => isLeft?.Invoke(product.Product.Path) is true);
        var left = Paths(inFloat[true]);
        var others = isMeant ? [] : Paths(inFloat[false]);
        console.Out.WriteLine(
            $"quantized: {Amount(coverage, inFloat[true].Count() + inFloat[false].Count(), isMeant)}"
            + (left.Count > 0 ? $"; in float as in the literature: {string.Join(", ", left)}" : "")
            + (others.Count > 0 ? $"; in float: {string.Join(", ", others.Take(ProductsNamed))}{(others.Count > ProductsNamed ? string.Create(CultureInfo.InvariantCulture, $" and {others.Count - ProductsNamed} more") : "")}" : "")
            + (coverage.IsComplete ? "" : "; products of functions are not counted, this system does not show them"));
        if (isMeant || inFloat[false].Sum(static product => (double)product.Product.MultiplyAccumulates) <= WarnAbove * coverage.MultiplyAccumulates)
        {
            return;
        }

        console.Warn(string.Create(CultureInfo.InvariantCulture, $"{coverage.FloatShare:P2} of {Arithmetic(coverage)} have an operand in float:"));
        foreach (var product in inFloat[false].OrderByDescending(static product => product.Product.MultiplyAccumulates).Take(ProductsNamed))
        {
            console.Error.WriteLine($"  {product}");
        }
    }

    private static List<string> Paths(IEnumerable<ProductCoverage> products) => [.. products.Select(static product => product.Product.Path).Distinct(StringComparer.Ordinal)];

    private static string Amount(QuantizationCoverage coverage, int floatCount, bool isMeant)
    {
        var count = coverage.Products.Count;

        // Rounded down: nothing but all is 100 %.
        var share = Math.Floor(1e4 * (1 - coverage.FloatShare)) / 1e4;
        return isMeant ? string.Create(CultureInfo.InvariantCulture, $"weights only, as the method has it; {count} matrix products compute {Arithmetic(coverage)}")
            : floatCount == 0 ? string.Create(CultureInfo.InvariantCulture, $"all {count} matrix products ({Arithmetic(coverage)})")
            : floatCount == count ? string.Create(CultureInfo.InvariantCulture, $"none of the {count} matrix products ({Arithmetic(coverage)}) has two quantized operands")
            : string.Create(CultureInfo.InvariantCulture, $"{count - floatCount} of {count} matrix products, {share:P2} of {Arithmetic(coverage)}");
    }

    private static string Arithmetic(QuantizationCoverage coverage) => string.Create(CultureInfo.InvariantCulture, $"{coverage.MultiplyAccumulates / 1e6:F1} million multiply-accumulates an image");
}

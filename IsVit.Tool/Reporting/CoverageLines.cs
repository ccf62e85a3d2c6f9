using System.Globalization;
using IsVit.Core.Coverage;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Reporting;

/// <summary>How much of a model's arithmetic is quantized, for people.</summary>
internal static class CoverageLines
{
    private const double WarnAbove = 0.01;
    private const int ProductsNamed = 5;

    /// <summary>Writes the share of multiply-accumulates that stays in float; above 1 % that is not meant to a warning, with the products that take most.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="coverage">What was measured.</param>
    /// <param name="isMeant">Whether activations are meant to stay in float, which nobody need be warned of.</param>
    /// <param name="isLeft">Whether a module, by its path, is meant to; null for none.</param>
    public static void Write(ToolConsole console, QuantizationCoverage coverage, bool isMeant = false, Func<string, bool>? isLeft = null)
    {
        var inFloat = coverage.Products.Where(static product => !product.IsQuantized).ToLookup(product => isLeft?.Invoke(product.Product.Path) is true);
        var share = string.Create(
            CultureInfo.InvariantCulture,
            $"{coverage.FloatShare:P2} of {coverage.MultiplyAccumulates / 1e6:F1} million multiply-accumulates an image in {coverage.Products.Count} matrix products");
        var left = string.Join(", ", inFloat[true].Select(static product => product.Product.Path).Distinct(StringComparer.Ordinal));
        console.Out.WriteLine($"in float: {share}{(left.Length > 0 ? $" ({left}: as in the literature)" : "")}{(coverage.IsComplete ? "" : "; products of functions are not among them, this system does not show them")}");
        if (isMeant || inFloat[false].Sum(static product => (double)product.Product.MultiplyAccumulates) <= WarnAbove * coverage.MultiplyAccumulates)
        {
            return;
        }

        console.Warn($"{share} have an operand in float:");
        foreach (var product in inFloat[false].OrderByDescending(static product => product.Product.MultiplyAccumulates).Take(ProductsNamed))
        {
            console.Error.WriteLine($"  {product}");
        }
    }
}

using IsVit.Core.Graph;
using IsVit.Core.Html;

namespace IsVit.Core.Coverage;

/// <summary>Shows the matrix products of a model in a notebook.</summary>
internal sealed class QuantizationCoverageFormatter : HtmlFormatter<QuantizationCoverage>
{
    /// <inheritdoc/>
    protected override void Write(QuantizationCoverage value, HtmlWriter html)
    {
        html.Line($"{value.Products.Count} matrix products, {value.MultiplyAccumulates} multiply-accumulates, {100 * value.FloatShare:F2} % of them in float{(value.IsComplete ? "" : " (products of modules only)")}");
        html.FoldedTable(
            $"matrix products",
            ["module", "operation", "multiply-accumulates", "left", "right"],
            value.Products.Select(static product => (object?[])
                [product.Product.Path, product.Product.Operation, product.Product.MultiplyAccumulates, product.ReadsModelInput && product.Left is null ? "model input" : Text(product.Left), Text(product.Right)]));
    }

    private static string Text(SiteBinding? binding) => binding is null ? "float" : FormattableString.Invariant($"{binding.Quantizer.Scheme}, {binding.Quantizer.Bits.Bits} bits");
}

using IsVit.Core.Html;

namespace IsVit.Core.Graph;

/// <summary>Shows the sites that have a quantizer in a notebook.</summary>
internal sealed class GraphAttachmentFormatter : HtmlFormatter<GraphAttachment>
{
    /// <summary>Writes a table of sites.</summary>
    public static void WriteTable(GraphAttachment value, HtmlWriter html) => html.FoldedTable(
        $"{value.Bindings.Count} sites with a quantizer",
        ["site", "role", "quantizer", "bits", "granularity", "state"],
        value.Bindings.Select(static binding => (object?[])
            [binding.Site.Id, binding.Site.Role, binding.Quantizer.Scheme, binding.Quantizer.Bits.Bits, binding.Quantizer.Granularity, binding.Quantizer.IsCalibrated ? binding.State : "not calibrated"]));

    /// <inheritdoc/>
    protected override void Write(GraphAttachment value, HtmlWriter html) => WriteTable(value, html);
}

using IsVit.Core.Graph;
using IsVit.Core.Html;

namespace IsVit.Optimization;

/// <summary>Shows a quantized model in a notebook: how it came to be and its sites.</summary>
internal sealed class QuantizedModelFormatter : HtmlFormatter<QuantizedModel>
{
    /// <inheritdoc/>
    protected override void Write(QuantizedModel value, HtmlWriter html)
    {
        var run = value.Report is { } report ? FormattableString.Invariant($", {report.Recipe}, W{report.WeightBits}A{report.ActivationBits}") : "";
        html.Line($"{value.Forward.Module.GetType().Name}{run}");
        GraphAttachmentFormatter.WriteTable(value.Attachment, html);
    }
}

using IsVit.Core.Html;

namespace IsVit.Optimization.Reporting;

/// <summary>Shows the progress of a run in a notebook as a bar.</summary>
internal sealed class QuantizationProgressFormatter : HtmlFormatter<QuantizationProgress>
{
    /// <inheritdoc/>
    protected override void Write(QuantizationProgress value, HtmlWriter html)
    {
        var remaining = value.Remaining is { } time ? FormattableString.Invariant($", {time.TotalSeconds:F0} s left") : "";
        var unit = value.Unit is null ? "" : $" {value.Unit}";
        html.Bar(value.Share, $"{100 * value.Share:F0} %, stage {value.StageIndex + 1} of {value.StageCount}: {value.Stage}{unit}{remaining}");
    }
}

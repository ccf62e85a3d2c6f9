using IsVit.Core.Html;

namespace IsVit.Optimization.Reporting;

/// <summary>Shows the report of a run in a notebook: its stages, and its units in a table that is folded.</summary>
internal sealed class QuantizationReportFormatter : HtmlFormatter<QuantizationReport>
{
    /// <inheritdoc/>
    protected override void Write(QuantizationReport value, HtmlWriter html)
    {
        html.Line($"{value.Recipe}, W{value.WeightBits}A{value.ActivationBits}: {value.ImageCount} images, seed {value.Seed}, {value.Duration.TotalSeconds:F1} s");
        html.Table(["stage", "duration", "score"], value.Stages.Select(static stage => (object?[])[stage.Name, stage.Duration, stage.Score]));
        if (value.Units.Count > 0)
        {
            html.FoldedTable(
                $"{value.Units.Count} reconstructed units",
                ["stage", "unit", "loss before", "loss after", "iterations", "duration", "ended"],
                value.Units.Select(static unit => (object?[])[unit.Stage, unit.Unit, unit.LossBefore, unit.LossAfter, unit.Iterations, unit.Duration, unit.StopReason]));
        }
    }
}

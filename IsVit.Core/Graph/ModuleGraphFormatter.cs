using IsVit.Core.Html;

namespace IsVit.Core.Graph;

/// <summary>Shows a graph in a notebook: its units, and its sites in a table that is folded.</summary>
internal sealed class ModuleGraphFormatter : HtmlFormatter<ModuleGraph>
{
    /// <inheritdoc/>
    protected override void Write(ModuleGraph value, HtmlWriter html)
    {
        html.Line($"{value.Model.GetType().Name}: {value.Units.Count} units, {value.Sites.Count} sites");
        html.Table(["unit", "inputs", "outputs", "sites"], value.Units.Select(unit => (object?[])[unit.Path, Shapes(unit.InputShapes), Shapes(unit.OutputShapes), value.Sites.Count(site => unit.Contains(site.Path))]));
        html.FoldedTable($"sites", ["site", "role", "producer"], value.Sites.Select(static site => (object?[])[site.Id, site.Role, site.Producer]));
    }

    private static string Shapes(IEnumerable<IReadOnlyList<long>> shapes) => string.Join(", ", shapes.Select(static shape => string.Join(" x ", shape)));
}

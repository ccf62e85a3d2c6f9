using IsVit.Core.Models;
using IsVit.Onnx.Graph;

namespace IsVit.Onnx.Models;

/// <summary>The windows of a square map whose side is known when the graph is made, in any number of images.</summary>
/// <param name="graph">The graph.</param>
/// <param name="side">Rows and columns of tokens.</param>
internal sealed class SquareWindowNodes(OnnxGraph graph, int side) : WindowNodes(graph)
{
    /// <inheritdoc/>
    public override string Cut(WindowLayout layout, string x, int width)
    {
        var grid = layout.Of(side, side);
        x = Moved(x, grid.Shift);
        var (missing, count) = (grid.PaddedRows - grid.Rows, grid.PaddedRows / grid.Window);
        if (missing > 0)
        {
            x = Graph.Add("Pad", [x, Graph.Integers(0, 0, 0, 0, 0, missing, missing, 0)]);
        }

        var split = Graph.Add("Reshape", [x, Graph.Integers(-1, count, grid.Window, count, grid.Window, width)]);
        var windows = Graph.Add("Transpose", [split], OnnxGraph.Attribute("perm", 0, 1, 3, 2, 4, 5));
        return Graph.Add("Reshape", [windows, Graph.Integers(-1, grid.Window * grid.Window, width)]);
    }

    /// <inheritdoc/>
    public override string Join(WindowLayout layout, string x, int width)
    {
        var grid = layout.Of(side, side);
        var count = grid.PaddedRows / grid.Window;
        var split = Graph.Add("Reshape", [x, Graph.Integers(-1, count, count, grid.Window, grid.Window, width)]);
        var rows = Graph.Add("Transpose", [split], OnnxGraph.Attribute("perm", 0, 1, 3, 2, 4, 5));
        var whole = Graph.Add("Reshape", [rows, Graph.Integers(-1, grid.PaddedRows, grid.PaddedRows, width)]);
        if (grid.PaddedRows > grid.Rows)
        {
            whole = Graph.Add("Slice", [whole, Graph.Integers(0, 0), Graph.Integers(grid.Rows, grid.Rows), Graph.Integers(1, 2)]);
        }

        return Moved(whole, grid.Rows - grid.Shift);
    }

    /// <inheritdoc/>
    public override string Biased(string path, WindowAttention attention, string scores)
    {
        var grid = attention.Layout.Of(side, side);
        var tokens = (long)grid.Window * grid.Window;
        var bias = attention.ScoreBias(grid);
        var added = Graph.Initializer($"{path}.score_bias", bias);
        return bias.dim() == 3
            ? Graph.Add("Add", [scores, added])
            : Graph.Add("Reshape", [Graph.Add("Add", [Graph.Add("Reshape", [scores, Graph.Integers([-1, .. bias.shape])]), added]), Graph.Integers(-1, attention.HeadCount, tokens, tokens)]);
    }

    private string Moved(string x, int by) => by % side == 0 ? x : Roll(x, by, side);
}

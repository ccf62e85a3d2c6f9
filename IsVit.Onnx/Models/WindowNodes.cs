using IsVit.Core.Models;
using IsVit.Onnx.Graph;

namespace IsVit.Onnx.Models;

/// <summary>How a map of tokens is cut into windows, as nodes.</summary>
/// <param name="graph">The graph.</param>
internal abstract class WindowNodes(OnnxGraph graph)
{
    /// <summary>The graph.</summary>
    protected OnnxGraph Graph => graph;

    /// <summary>[batch, rows, columns, width] to [batch x windows, tokens, width].</summary>
    public abstract string Cut(WindowLayout layout, string x, int width);

    /// <summary>[batch x windows, tokens, width] to [batch, rows, columns, width].</summary>
    public abstract string Join(WindowLayout layout, string x, int width);

    /// <summary>Adds the bias of relative positions, and the mask of shifted windows, to scores [batch x windows, heads, tokens, tokens].</summary>
    /// <param name="path">The attention's path.</param>
    /// <param name="attention">The attention.</param>
    /// <param name="scores">The scores.</param>
    public abstract string Biased(string path, WindowAttention attention, string scores);

    /// <summary>Moves rows and columns towards the beginning; what falls off comes back at the end.</summary>
    /// <param name="x">[batch, rows, columns, width].</param>
    /// <param name="by">By how many; a negative number counts from the end.</param>
    /// <param name="end">Where rows and columns end, or beyond.</param>
    protected string Roll(string x, long by, long end)
    {
        foreach (var axis in (long[])[1, 2])
        {
            var moved = graph.Add("Slice", [x, graph.Integers(by), graph.Integers(end), graph.Integers(axis)]);
            var fallen = graph.Add("Slice", [x, graph.Integers(0), graph.Integers(by), graph.Integers(axis)]);
            x = graph.Add("Concat", [moved, fallen], OnnxGraph.Attribute("axis", axis));
        }

        return x;
    }
}

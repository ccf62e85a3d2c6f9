using IsVit.Core.Models;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;
using static IsVit.Onnx.Schema.TensorProto.Types;

namespace IsVit.Onnx.Detectors;

/// <summary>
/// The windows of one image's map whose size is known when the graph runs: it is filled up to whole windows before it is shifted. What follows from the size is computed once for all blocks of a resolution.
/// </summary>
internal sealed class MapWindowNodes : WindowNodes
{
    // What keeps apart the tokens of a shifted window that are no neighbours in the image.
    private const float Apart = -100;

    private readonly string _path;
    private readonly int _window;
    private readonly MapSize _padded;
    private readonly string _pads;
    private readonly string _across;
    private readonly string _sides;
    private readonly Dictionary<int, string> _masks = [];

    /// <summary>Computes what follows from the size.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="path">The path of the layer of that resolution.</param>
    /// <param name="size">The map's size.</param>
    /// <param name="window">Tokens along a side of a window.</param>
    public MapWindowNodes(OnnxGraph graph, string path, MapSize size, int window)
        : base(graph)
    {
        (_path, _window) = (path, window);
        graph.Enter(path);
        var missing = graph.Missing(size, window);
        _padded = new(graph.Add("Add", [size.Rows, missing.Rows]), graph.Add("Add", [size.Columns, missing.Columns]));
        _pads = graph.TokenPads(missing);
        _across = graph.Add("Div", [_padded.Columns, graph.Integers(window)]);
        _sides = graph.Joined(size.Rows, size.Columns);
    }

    /// <inheritdoc/>
    public override string Cut(WindowLayout layout, string x, int width)
    {
        var filled = Graph.Add("Pad", [x, _pads]);
        return Windows(layout.Shift == 0 ? filled : Roll(filled, layout.Shift, long.MaxValue), width);
    }

    /// <inheritdoc/>
    public override string Join(WindowLayout layout, string x, int width)
    {
        var split = Graph.Add("Reshape", [x, Graph.Joined(Graph.Integers(-1), _across, Graph.Integers(_window, _window, width))]);
        var rows = Graph.Add("Transpose", [split], OnnxGraph.Attribute("perm", 0, 2, 1, 3, 4));
        var whole = Graph.Add("Reshape", [rows, Graph.Joined(Graph.Integers(1, -1), _padded.Columns, Graph.Integers(width))]);
        var back = layout.Shift == 0 ? whole : Roll(whole, -layout.Shift, long.MaxValue);
        return Graph.Add("Slice", [back, Graph.Integers(0, 0), _sides, Graph.Integers(1, 2)]);
    }

    /// <inheritdoc/>
    public override string Biased(string path, WindowAttention attention, string scores)
    {
        // Without a shift there is no mask: the bias of positions alone, which is that of any map.
        using var unshifted = new WindowGrid(_window, _window, _window, shift: 0);
        var biased = Graph.Add("Add", [scores, Graph.Initializer($"{path}.score_bias", attention.ScoreBias(unshifted))]);
        return attention.Layout.Shift == 0 ? biased : Graph.Add("Add", [biased, Mask(path, attention.Layout.Shift)]);
    }

    // [1, rows, columns, width] to [windows, tokens, width].
    private string Windows(string x, int width)
    {
        var split = Graph.Add("Reshape", [x, Graph.Joined(Graph.Integers(-1, _window), _across, Graph.Integers(_window, width))]);
        var windows = Graph.Add("Transpose", [split], OnnxGraph.Attribute("perm", 0, 2, 1, 3, 4));
        return Graph.Add("Reshape", [windows, Graph.Integers(-1, _window * _window, width)]);
    }

    // [windows, 1, tokens, tokens]: 0 between neighbours of the map before it was shifted.
    private string Mask(string path, int shift)
    {
        if (!_masks.TryGetValue(shift, out var mask))
        {
            Graph.Enter(_path);
            var tokens = (long)_window * _window;
            var rows = Graph.Add("Reshape", [Graph.Add("Mul", [Stripes(_padded.Rows, shift), Graph.Integers(3)]), Graph.Integers(1, -1, 1, 1)]);
            var columns = Graph.Add("Reshape", [Stripes(_padded.Columns, shift), Graph.Integers(1, 1, -1, 1)]);
            var regions = Windows(Graph.Add("Add", [rows, columns]), 1);
            var same = Graph.Add("Equal", [Graph.Add("Reshape", [regions, Graph.Integers(-1, 1, tokens, 1)]), Graph.Add("Reshape", [regions, Graph.Integers(-1, 1, 1, tokens)])]);
            _masks[shift] = mask = Graph.Add("Where", [same, Graph.Number(0), Graph.Number(Apart)]);
            Graph.Enter(path);
        }

        return mask;
    }

    // The three stripes of a shifted map: what keeps its place, and the two parts of the last row of windows.
    private string Stripes(string side, int shift)
    {
        var places = Graph.Numbered(side);
        string From(int beforeEnd) => Graph.Add("Cast", [Graph.Add("GreaterOrEqual", [places, Graph.Add("Sub", [side, Graph.Integers(beforeEnd)])])], OnnxGraph.Attribute("to", (long)DataType.Int64));
        return Graph.Add("Add", [From(_window), From(shift)]);
    }
}

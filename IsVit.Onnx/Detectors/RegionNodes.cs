using IsVit.Detection.Models;
using IsVit.Onnx.Graph;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes that pool regions of a feature pyramid, each from the level that fits its size.</summary>
/// <param name="graph">The graph.</param>
/// <param name="detector">The detector.</param>
/// <param name="levels">The levels of the pyramid, finest first.</param>
internal sealed class RegionNodes(OnnxGraph graph, Detector detector, string[] levels)
{
    private readonly BoxNodes _boxes = new(graph);
    private readonly int _count = detector.Options.Backbone.Depths.Count;

    /// <summary>Pools regions.</summary>
    /// <param name="boxes">[regions, 4], in pixels of the network's input.</param>
    /// <param name="side">Bins a side.</param>
    public PooledRegions Pool(string boxes, int side)
    {
        if (_count == 1)
        {
            return new(Pool(0, boxes, side), null, null);
        }

        // Powers of two are compared with, as sharp as floor(log2(size)) and without a logarithm.
        var size = Sizes(boxes);
        var members = new string[_count];
        for (var i = 0; i < _count; i++)
        {
            var least = i == 0 ? null : graph.Add("GreaterOrEqual", [size, graph.Number(1 << i)]);
            var most = i == _count - 1 ? null : graph.Add("Less", [size, graph.Number(2 << i)]);
            var isOfLevel = least is null ? most! : most is null ? least : graph.Add("And", [least, most]);
            members[i] = graph.Add("Reshape", [graph.Add("NonZero", [isOfLevel]), graph.Integers(-1)]);
        }

        var features = graph.Joined([.. members.Select((own, i) => Pool(i, _boxes.Rows(boxes, own), side))]);
        var order = graph.Joined(members);
        return new(features, order, graph.Add("ScatterElements", [order, order, graph.Numbered(graph.CountOf(order))], OnnxGraph.Attribute("axis", 0L)));
    }

    /// <summary>Brings a head's results into the order of the regions.</summary>
    /// <param name="regions">What the head read.</param>
    /// <param name="x">[regions, ...].</param>
    public string InOrder(PooledRegions regions, string x) => regions.Places is null ? x : _boxes.Rows(x, regions.Places);

    /// <summary>Brings what is known of regions into the order of their features.</summary>
    /// <param name="regions">The regions.</param>
    /// <param name="x">[regions, ...].</param>
    public string ByLevel(PooledRegions regions, string x) => regions.Order is null ? x : _boxes.Rows(x, regions.Order);

    private string Pool(int level, string boxes, int side) => graph.Add(
        "RoiAlign",
        [levels[level], boxes, graph.Add("Expand", [graph.Integer(0), graph.CountOf(boxes)])],
        OnnxGraph.Attribute("mode", "avg"),
        OnnxGraph.Attribute("coordinate_transformation_mode", "half_pixel"),
        OnnxGraph.Attribute("output_height", (long)side),
        OnnxGraph.Attribute("output_width", (long)side),
        OnnxGraph.Attribute("sampling_ratio", 0L),
        OnnxGraph.Attribute("spatial_scale", (float)(1.0 / detector.Options.Strides[level])));

    // sqrt(width height) / finest scale + 1e-6, of each region.
    private string Sizes(string boxes)
    {
        var corners = graph.Split(boxes, 1, 2);
        var area = graph.Add("ReduceProd", [graph.Add("Sub", [corners[1], corners[0]]), graph.Integers(1)], OnnxGraph.Attribute("keepdims", 0L));
        return graph.Add("Add", [graph.Add("Div", [graph.Add("Sqrt", [area]), graph.Number((float)detector.Options.FinestScale)]), graph.Number(1e-6f)]);
    }
}

using System.Globalization;
using IsVit.Detection.Models;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes of a head that classifies regions and corrects their boxes.</summary>
/// <param name="layers">Makes the layers.</param>
internal sealed class BoxHeadNodes(LayerNodes layers)
{
    private readonly OnnxGraph _graph = layers.Graph;
    private readonly ConvolutionBlockNodes _blocks = new(layers);

    /// <summary>Adds those of one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="head">The head.</param>
    /// <param name="features">[regions, channels, side, side].</param>
    /// <returns>[regions, classes + 1] and [regions, 4 classes].</returns>
    public (string Scores, string Deltas) Add(string path, BoxHead head, string features)
    {
        var x = features;
        for (var i = 0; i < head.SharedConvs.Count; i++)
        {
            x = _blocks.Add(string.Create(CultureInfo.InvariantCulture, $"{path}.shared_convs.{i}"), head.SharedConvs[i], x);
        }

        // A batch of one, whose tokens the regions are: of two axes ONNX Runtime makes Gemm, whose bias it quantizes.
        _graph.Enter(path);
        x = _graph.Add("Unsqueeze", [_graph.Add("Flatten", [x], OnnxGraph.Attribute("axis", 1L)), _graph.Integers(0)]);
        for (var i = 0; i < head.SharedFcs.Count; i++)
        {
            x = _graph.Add("Relu", [layers.Linear(string.Create(CultureInfo.InvariantCulture, $"{path}.shared_fcs.{i}"), head.SharedFcs[i], x)]);
        }

        var (scores, deltas) = (layers.Linear($"{path}.fc_cls", head.FcCls, x), layers.Linear($"{path}.fc_reg", head.FcReg, x));
        _graph.Enter(path);
        return (_graph.Add("Squeeze", [scores, _graph.Integers(0)]), _graph.Add("Squeeze", [deltas, _graph.Integers(0)]));
    }
}

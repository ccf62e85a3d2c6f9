using System.Globalization;
using IsVit.Detection.Models;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes of a feature pyramid.</summary>
/// <param name="layers">Makes the layers.</param>
/// <param name="pyramid">The pyramid.</param>
internal sealed class FeaturePyramidNodes(LayerNodes layers, FeaturePyramid pyramid)
{
    private const string Path = "neck";

    private readonly OnnxGraph _graph = layers.Graph;
    private readonly ConvolutionBlockNodes _blocks = new(layers);

    /// <summary>Adds all of them.</summary>
    /// <param name="maps">[1, channels, rows, columns], finest first.</param>
    /// <returns>One level more than maps, finest first.</returns>
    public string[] Add(string[] maps)
    {
        var levels = new string[maps.Length + 1];
        string? coarser = null;
        for (var i = maps.Length - 1; i >= 0; i--)
        {
            var lateral = _blocks.Add(string.Create(CultureInfo.InvariantCulture, $"{Path}.lateral_convs.{i}"), pyramid.LateralConvs[i], maps[i]);
            _graph.Enter(Path);
            if (coarser is not null)
            {
                var enlarged = _graph.Add(
                    "Resize",
                    [coarser, "", "", _graph.Add("Shape", [lateral])],
                    OnnxGraph.Attribute("mode", "nearest"),
                    OnnxGraph.Attribute("coordinate_transformation_mode", "asymmetric"),
                    OnnxGraph.Attribute("nearest_mode", "floor"));
                lateral = _graph.Add("Add", [lateral, enlarged]);
            }

            levels[i] = _blocks.Add(string.Create(CultureInfo.InvariantCulture, $"{Path}.fpn_convs.{i}"), pyramid.FpnConvs[i], lateral);
            coarser = lateral;
        }

        _graph.Enter(Path);
        levels[^1] = _graph.Add("MaxPool", [levels[^2]], OnnxGraph.Attribute("kernel_shape", 1, 1), OnnxGraph.Attribute("strides", 2, 2));
        return levels;
    }
}

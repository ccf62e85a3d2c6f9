using System.Globalization;
using IsVit.Core.Models;
using IsVit.Detection.Models;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes of a detector's Swin transformer, for one image of any size.</summary>
/// <param name="layers">Makes the layers.</param>
/// <param name="backbone">The backbone.</param>
/// <param name="options">Its shape.</param>
internal sealed class SwinBackboneNodes(LayerNodes layers, SwinBackbone backbone, SwinBackboneOptions options)
{
    private const string Path = "backbone";

    private readonly OnnxGraph _graph = layers.Graph;
    private readonly SwinBlockNodes _blocks = new(layers);

    /// <summary>Adds all of them.</summary>
    /// <param name="image">[1, channels, height, width], of whole patches.</param>
    /// <returns>For each layer, finest first, [1, its width, rows, columns].</returns>
    public string[] Add(string image)
    {
        var maps = new string[backbone.Layers.Count];
        var grid = layers.Convolution($"{Path}.patch_embed.proj", backbone.PatchEmbed.Proj)(image);
        var x = _graph.Add("Transpose", [grid], OnnxGraph.Attribute("perm", 0, 2, 3, 1));
        x = backbone.PatchEmbed.Norm is { } norm ? layers.Norm($"{Path}.patch_embed.norm", norm, x) : x;
        for (var i = 0; i < maps.Length; i++)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{Path}.layers.{i}");
            var (stage, width) = (backbone.Layers[i], options.DimOf(i));
            _graph.Enter(path);
            var size = _graph.SizeOf(x, 1);
            var windows = new MapWindowNodes(_graph, path, size, options.WindowSize);
            for (var j = 0; j < stage.Blocks.Count; j++)
            {
                x = _blocks.Add(string.Create(CultureInfo.InvariantCulture, $"{path}.blocks.{j}"), stage.Blocks[j], x, windows, width);
            }

            maps[i] = _graph.Add("Transpose", [layers.Norm(string.Create(CultureInfo.InvariantCulture, $"{Path}.norm{i}"), backbone.Norms[i], x)], OnnxGraph.Attribute("perm", 0, 3, 1, 2));
            x = stage.Downsample is { } merging ? Merge($"{path}.downsample", merging, x, size, width) : x;
        }

        return maps;
    }

    private string Merge(string path, PatchMerging merging, string x, MapSize size, int width)
    {
        _graph.Enter(path);
        var missing = _graph.Missing(size, 2);
        x = _graph.Add("Pad", [x, _graph.TokenPads(missing)]);
        var columns = _graph.Add("Div", [_graph.Add("Add", [size.Columns, missing.Columns]), _graph.Integers(2)]);
        var squares = _graph.Add("Reshape", [x, _graph.Joined(_graph.Integers(-1, 2), columns, _graph.Integers(2, width))]);
        squares = _graph.Add("Transpose", [squares], OnnxGraph.Attribute("perm", 0, 2, 3, 1, 4));
        squares = _graph.Add("Reshape", [squares, _graph.Joined(_graph.Integers(1, -1), columns, _graph.Integers(4 * width))]);
        return layers.Merged(path, merging, squares);
    }
}

using System.Globalization;
using IsVit.Core.Models;
using IsVit.Onnx.Graph;

namespace IsVit.Onnx.Models;

/// <summary>The nodes of a Swin transformer.</summary>
/// <param name="layers">Makes the layers.</param>
/// <param name="model">The model.</param>
internal sealed class SwinTransformerNodes(LayerNodes layers, SwinTransformer model)
{
    private readonly OnnxGraph _graph = layers.Graph;
    private readonly SwinBlockNodes _blocks = new(layers);

    /// <summary>Adds all of them.</summary>
    /// <param name="images">[batch, channels, height, width].</param>
    /// <returns>[batch, classes].</returns>
    public string Add(string images)
    {
        var x = layers.Patches("patch_embed.proj", model.PatchEmbed.Proj, images);
        var side = model.Options.PatchesPerSide;
        _graph.Enter("patch_embed");
        x = _graph.Add("Reshape", [x, _graph.Integers(0, side, side, model.Options.DimOf(0))]);
        if (model.PatchEmbed.Norm is { } norm)
        {
            x = layers.Norm("patch_embed.norm", norm, x);
        }

        for (var i = 0; i < model.Layers.Count; i++)
        {
            var layer = model.Layers[i];
            var path = string.Create(CultureInfo.InvariantCulture, $"layers.{i}");
            if (layer.Downsample is { } merging)
            {
                x = Merge($"{path}.downsample", merging, x, side, model.Options.DimOf(i - 1));
                side = (side + 1) / 2;
            }

            var windows = new SquareWindowNodes(_graph, side);
            for (var j = 0; j < layer.Blocks.Count; j++)
            {
                x = _blocks.Add(string.Create(CultureInfo.InvariantCulture, $"{path}.blocks.{j}"), layer.Blocks[j], x, windows, model.Options.DimOf(i));
            }
        }

        x = layers.Norm("norm", model.Norm, x);
        _graph.Enter("head");
        var pooled = _graph.Add("ReduceMean", [x, _graph.Integers(1, 2)], OnnxGraph.Attribute("keepdims", 1L));
        var logits = model.HasHead ? layers.Linear("head.fc", model.Head, pooled) : pooled;
        _graph.Enter("head");
        return _graph.Add("Reshape", [logits, _graph.Integers(0, model.OutputWidth)]);
    }

    private string Merge(string path, PatchMerging merging, string x, int side, int width)
    {
        _graph.Enter(path);
        var half = (side + 1) / 2;
        if (side % 2 == 1)
        {
            x = _graph.Add("Pad", [x, _graph.Integers(0, 0, 0, 0, 0, 1, 1, 0)]);
        }

        var squares = _graph.Add("Reshape", [x, _graph.Integers(-1, half, 2, half, 2, width)]);
        squares = _graph.Add("Transpose", [squares], OnnxGraph.Attribute("perm", 0, 1, 3, 4, 2, 5));
        squares = _graph.Add("Reshape", [squares, _graph.Integers(-1, half, half, 4 * width)]);
        return layers.Merged(path, merging, squares);
    }
}

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

            for (var j = 0; j < layer.Blocks.Count; j++)
            {
                x = Block(string.Create(CultureInfo.InvariantCulture, $"{path}.blocks.{j}"), layer.Blocks[j], x, side, model.Options.DimOf(i));
            }
        }

        x = layers.Norm("norm", model.Norm, x);
        _graph.Enter("head");
        var pooled = _graph.Add("ReduceMean", [x, _graph.Integers(1, 2)], OnnxGraph.Attribute("keepdims", 1L));
        var logits = layers.Linear("head.fc", model.Head, pooled);
        _graph.Enter("head");
        return _graph.Add("Reshape", [logits, _graph.Integers(0, model.ClassCount)]);
    }

    private string Block(string path, SwinBlock block, string x, int side, int dim)
    {
        var grid = block.Attn.Layout.Of(side, side);
        var windows = Cut(path, grid, layers.Norm($"{path}.norm1", block.Norm1, x), dim);
        var attended = Join(path, grid, Attention($"{path}.attn", block.Attn, grid, windows), dim);
        _graph.Enter(path);
        x = _graph.Add("Add", [x, attended]);
        var branch = layers.Mlp($"{path}.mlp", block.Mlp, layers.Norm($"{path}.norm2", block.Norm2, x));
        _graph.Enter(path);
        return _graph.Add("Add", [x, branch]);
    }

    private string Attention(string path, WindowAttention attention, WindowGrid grid, string x)
    {
        var tokens = (long)grid.Window * grid.Window;
        var heads = attention.HeadCount;
        var (query, key, value) = layers.Heads(path, attention.Qkv, x, tokens, heads);
        var scores = layers.Product($"{path}.qk", query, key);
        _graph.Enter(path);
        var bias = attention.ScoreBias(grid);
        var added = _graph.Initializer($"{path}.score_bias", bias);
        scores = bias.dim() == 3
            ? _graph.Add("Add", [scores, added])
            : _graph.Add("Reshape", [_graph.Add("Add", [_graph.Add("Reshape", [scores, _graph.Integers([-1, .. bias.shape])]), added]), _graph.Integers(-1, heads, tokens, tokens)]);
        var weights = layers.Softmax($"{path}.softmax", scores);
        return layers.Join($"{path}.proj", attention.Proj, layers.Product($"{path}.av", new(weights), value), tokens);
    }

    // [batch, side, side, width] to [batch x windows, tokens, width].
    private string Cut(string path, WindowGrid grid, string x, int width)
    {
        _graph.Enter(path);
        x = Roll(x, grid.Shift, grid.Rows);
        var (missing, count) = (grid.PaddedRows - grid.Rows, grid.PaddedRows / grid.Window);
        if (missing > 0)
        {
            x = _graph.Add("Pad", [x, _graph.Integers(0, 0, 0, 0, 0, missing, missing, 0)]);
        }

        var split = _graph.Add("Reshape", [x, _graph.Integers(-1, count, grid.Window, count, grid.Window, width)]);
        var windows = _graph.Add("Transpose", [split], OnnxGraph.Attribute("perm", 0, 1, 3, 2, 4, 5));
        return _graph.Add("Reshape", [windows, _graph.Integers(-1, grid.Window * grid.Window, width)]);
    }

    private string Join(string path, WindowGrid grid, string x, int width)
    {
        _graph.Enter(path);
        var count = grid.PaddedRows / grid.Window;
        var split = _graph.Add("Reshape", [x, _graph.Integers(-1, count, count, grid.Window, grid.Window, width)]);
        var rows = _graph.Add("Transpose", [split], OnnxGraph.Attribute("perm", 0, 1, 3, 2, 4, 5));
        var whole = _graph.Add("Reshape", [rows, _graph.Integers(-1, grid.PaddedRows, grid.PaddedRows, width)]);
        if (grid.PaddedRows > grid.Rows)
        {
            whole = _graph.Add("Slice", [whole, _graph.Integers(0, 0), _graph.Integers(grid.Rows, grid.Rows), _graph.Integers(1, 2)]);
        }

        return Roll(whole, grid.Rows - grid.Shift, grid.Rows);
    }

    // Moves rows and columns towards the beginning; what falls off comes back at the end.
    private string Roll(string x, int by, int side)
    {
        if (by % side == 0)
        {
            return x;
        }

        foreach (var axis in (long[])[1, 2])
        {
            var moved = _graph.Add("Slice", [x, _graph.Integers(by), _graph.Integers(side), _graph.Integers(axis)]);
            var fallen = _graph.Add("Slice", [x, _graph.Integers(0), _graph.Integers(by), _graph.Integers(axis)]);
            x = _graph.Add("Concat", [moved, fallen], OnnxGraph.Attribute("axis", axis));
        }

        return x;
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
        return layers.Linear($"{path}.reduction", merging.Reduction, layers.Norm($"{path}.norm", merging.Norm, squares));
    }
}

using IsVit.Core.Models;
using IsVit.Onnx.Graph;

namespace IsVit.Onnx.Models;

/// <summary>The nodes of a Swin transformer's blocks.</summary>
/// <param name="layers">Makes the layers.</param>
internal sealed class SwinBlockNodes(LayerNodes layers)
{
    private readonly OnnxGraph _graph = layers.Graph;

    /// <summary>Adds those of one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="block">The block.</param>
    /// <param name="x">[batch, rows, columns, width].</param>
    /// <param name="windows">How maps are cut into windows.</param>
    /// <param name="width">The width of a token.</param>
    /// <returns>[batch, rows, columns, width].</returns>
    public string Add(string path, SwinBlock block, string x, WindowNodes windows, int width)
    {
        var normalized = layers.Norm($"{path}.norm1", block.Norm1, x);
        _graph.Enter(path);
        var cut = windows.Cut(block.Attn.Layout, normalized, width);
        var mixed = Attention($"{path}.attn", block.Attn, windows, cut);
        _graph.Enter(path);
        x = _graph.Add("Add", [x, windows.Join(block.Attn.Layout, mixed, width)]);
        var branch = layers.Mlp($"{path}.mlp", block.Mlp, layers.Norm($"{path}.norm2", block.Norm2, x));
        _graph.Enter(path);
        return _graph.Add("Add", [x, branch]);
    }

    private string Attention(string path, WindowAttention attention, WindowNodes windows, string x)
    {
        var tokens = (long)attention.Layout.Window * attention.Layout.Window;
        var (query, key, value) = layers.Heads(path, attention.Qkv, x, tokens, attention.HeadCount);
        var scores = layers.Product($"{path}.qk", query, key);
        _graph.Enter(path);
        var weights = layers.Softmax($"{path}.softmax", windows.Biased(path, attention, scores));
        return layers.Join($"{path}.proj", attention.Proj, layers.Product($"{path}.av", new(weights), value), tokens);
    }
}

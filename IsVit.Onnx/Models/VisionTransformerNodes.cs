using System.Globalization;
using IsVit.Core.Arithmetic;
using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Onnx.Graph;
using TorchSharp;

namespace IsVit.Onnx.Models;

/// <summary>The nodes of a vision transformer.</summary>
/// <param name="layers">Makes the layers.</param>
/// <param name="model">The model.</param>
internal sealed class VisionTransformerNodes(LayerNodes layers, VisionTransformer model)
{
    private readonly OnnxGraph _graph = layers.Graph;
    private readonly VisionTransformerOptions _options = model.Options;

    private long Tokens => _options.PrefixTokenCount + _options.PatchCount;

    /// <summary>Adds all of them.</summary>
    /// <param name="images">[batch, channels, height, width].</param>
    /// <returns>[batch, classes].</returns>
    public string Add(string images)
    {
        var x = Embed(images);
        for (var i = 0; i < model.Blocks.Count; i++)
        {
            x = Block(string.Create(CultureInfo.InvariantCulture, $"blocks.{i}"), model.Blocks[i], x);
        }

        return Classify(x);
    }

    private string Embed(string images)
    {
        var patches = layers.Patches("patch_embed.proj", model.PatchEmbed.Proj, images);
        if (model.PatchEmbed.Norm is { } norm)
        {
            patches = layers.Norm("patch_embed.norm", norm, patches);
        }

        _graph.Enter("");
        var parameters = model.named_parameters().ToDictionary(static entry => entry.name, static entry => (torch.Tensor)entry.parameter, StringComparer.Ordinal);
        var positioned = _options.PrefixPositionCount;
        var apart = positioned != _options.PrefixTokenCount;
        var embedding = parameters["pos_embed"];
        var positions = _graph.Initializer("pos_embed", apart ? embedding.narrow(1, positioned, _options.PatchCount) : embedding);
        if (apart)
        {
            patches = _graph.Add("Add", [patches, positions]);
        }

        string[] names = [.. ((string[])["cls_token", "dist_token", "reg_token"]).Where(parameters.ContainsKey)];
        var x = patches;
        if (names.Length > 0)
        {
            // As many copies of the tokens as there are images.
            var prefix = torch.cat([.. names.Select(name => parameters[name])], 1);
            if (apart && positioned > 0)
            {
                prefix = torch.cat([prefix.narrow(1, 0, positioned).Plus(embedding.narrow(1, 0, positioned)), prefix.narrow(1, positioned, _options.RegisterTokenCount)], 1);
            }

            var tokens = _graph.Initializer("prefix_tokens", prefix);
            var batch = _graph.Add("Shape", [patches], OnnxGraph.Attribute("start", 0L), OnnxGraph.Attribute("end", 1L));
            var shape = _graph.Add("Concat", [batch, _graph.Integers(_options.PrefixTokenCount, _options.EmbedDim)], OnnxGraph.Attribute("axis", 0L));
            x = _graph.Add("Concat", [_graph.Add("Expand", [tokens, shape]), patches], OnnxGraph.Attribute("axis", 1L));
        }

        return apart ? x : _graph.Add("Add", [x, positions]);
    }

    private string Block(string path, Block block, string x)
    {
        x = Branch(path, x, Attention($"{path}.attn", block.Attn, layers.Norm($"{path}.norm1", block.Norm1, x)), block.Ls1, $"{path}.ls1.gamma");
        return Branch(path, x, layers.Mlp($"{path}.mlp", block.Mlp, layers.Norm($"{path}.norm2", block.Norm2, x)), block.Ls2, $"{path}.ls2.gamma");
    }

    private string Branch(string path, string x, string branch, LayerScale? scale, string name)
    {
        _graph.Enter(path);
        return _graph.Add("Add", [x, scale is null ? branch : _graph.Add("Mul", [branch, _graph.Initializer(name, scale.Gamma)])]);
    }

    private string Attention(string path, Attention attention, string x)
    {
        var norms = attention is { QueryNorm: { } q, KeyNorm: { } k } ? (q, k) : ((TorchSharp.Modules.LayerNorm, TorchSharp.Modules.LayerNorm)?)null;
        var (query, key, value) = layers.Heads(path, attention.Qkv, x, Tokens, attention.HeadCount, norms);
        var weights = layers.Softmax($"{path}.softmax", layers.Product($"{path}.qk", query, key));
        return layers.Join($"{path}.proj", attention.Proj, layers.Product($"{path}.av", new(weights), value), Tokens);
    }

    private string Classify(string x)
    {
        if (_options.Pooling == PoolingKind.ClassToken)
        {
            // Nothing else is read from here on.
            _graph.Enter("");
            x = Slice(x, 0, _options.Distilled ? 2 : 1);
        }

        if (_options.Pooling != PoolingKind.Average)
        {
            x = layers.Norm("norm", model.Norm, x);
        }

        _graph.Enter("");
        string Average() => _graph.Add("ReduceMean", [Slice(x, _options.PrefixTokenCount, Tokens), _graph.Integers(1)], OnnxGraph.Attribute("keepdims", 1L));
        var pooled = _options.Pooling switch
        {
            PoolingKind.ClassToken => Slice(x, 0, 1),
            PoolingKind.ClassTokenAndAverage => _graph.Add("Concat", [Slice(x, 0, 1), Average()], OnnxGraph.Attribute("axis", 2L)),
            _ => Average(),
        };
        if (_options.Pooling == PoolingKind.Average)
        {
            pooled = layers.Norm("fc_norm", model.Norm, pooled);
        }

        if (model.PreLogits is { } pre)
        {
            pooled = layers.Linear("pre_logits.fc", pre.Fc, pooled);
            _graph.Enter("pre_logits");
            pooled = _graph.Add("Tanh", [pooled]);
        }

        var logits = model.HasHead ? layers.Linear("head", model.Head, pooled) : pooled;
        if (_options.Distilled)
        {
            _graph.Enter("");
            var second = Slice(x, 1, 2);
            second = model.HeadDist is { } other ? layers.Linear("head_dist", other, second) : second;
            _graph.Enter("");
            logits = _graph.Add("Div", [_graph.Add("Add", [logits, second]), _graph.Number(2)]);
        }

        // One token each until here: with a matrix of images instead, runtimes make a Gemm of the product, which has no integer kernel for a bias in float.
        _graph.Enter("");
        return _graph.Add("Reshape", [logits, _graph.Integers(0, model.OutputWidth)]);
    }

    private string Slice(string x, long first, long end) => _graph.Add("Slice", [x, _graph.Integers(first), _graph.Integers(end), _graph.Integers(1)]);
}

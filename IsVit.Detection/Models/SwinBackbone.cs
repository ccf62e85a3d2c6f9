using IsVit.Core.Models;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>
/// A Swin transformer (Liu et al., arXiv 2103.14030) that outputs a feature map for each of its layers, each normalized; MMDetection's names. Images may have any size: they are filled up with zeros to whole patches,
/// maps to whole windows after the normalization and before the shift, and to even sides before patches are merged.
/// </summary>
public sealed class SwinBackbone : torch.nn.Module<torch.Tensor, torch.Tensor[]>
{
    private readonly PatchEmbedding patch_embed;
    private readonly ModuleList<SwinStage> layers;
    private readonly LayerNorm[] _norms;

    internal SwinBackbone(SwinBackboneOptions options)
        : base(nameof(SwinBackbone))
    {
        patch_embed = new PatchEmbedding(imageSize: null, options.PatchSize, options.InChannels, options.EmbedDim, PatchLayout.Grid, options.LayerNormEps);
        layers = new ModuleList<SwinStage>([.. Enumerable.Range(0, options.Depths.Count).Select(layer => new SwinStage(options, layer))]);
        RegisterComponents();
        _norms = [.. Enumerable.Range(0, options.Depths.Count).Select(layer => torch.nn.LayerNorm(options.DimOf(layer), options.LayerNormEps))];
        for (var i = 0; i < _norms.Length; i++)
        {
            register_module(FormattableString.Invariant($"norm{i}"), _norms[i]);
        }
    }

    /// <summary>The embedding of image patches as tokens.</summary>
    public PatchEmbedding PatchEmbed => patch_embed;

    /// <summary>The layers, first to last.</summary>
    public ModuleList<SwinStage> Layers => layers;

    /// <summary>The normalization of each layer's feature map.</summary>
    public IReadOnlyList<LayerNorm> Norms => _norms;

    /// <summary>Computes the feature maps of images.</summary>
    /// <param name="input">[batch, channels, height, width].</param>
    /// <returns>For each layer, finest first, [batch, its width, rows, columns].</returns>
    public override torch.Tensor[] forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var maps = new torch.Tensor[layers.Count];
        var x = patch_embed.call(input);
        for (var i = 0; i < maps.Length; i++)
        {
            x = layers[i].call(x);
            maps[i] = scope.MoveToOuter(_norms[i].call(x).permute(0, 3, 1, 2).contiguous());
            x = layers[i].Downsample?.call(x) ?? x;
        }

        return maps;
    }
}

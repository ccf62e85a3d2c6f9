using IsVit.Model.Architectures;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>The blocks of one resolution, and the patch merging before them (a stage in the paper); timm's names: <c>downsample</c>, <c>blocks</c>.</summary>
public sealed class SwinLayer : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly PatchMerging? downsample;
    private readonly ModuleList<SwinBlock> blocks;

    internal SwinLayer(SwinTransformerOptions options, int layer)
        : base(nameof(SwinLayer))
    {
        var dim = options.DimOf(layer);
        var window = options.WindowOf(layer);
        var shift = options.ShiftOf(layer);
        var first = options.Depths.Take(layer).Sum();
        var count = options.Depths.Sum();

        downsample = layer > 0 ? new PatchMerging(options.DimOf(layer - 1), dim, options.LayerNormEps) : null;
        var shape = new SwinBlockShape(dim, options.HeadCounts[layer])
        {
            MlpRatio = options.MlpRatio,
            QkvBias = options.QkvBias,
            LayerNormEps = options.LayerNormEps,
            DropoutRate = options.DropoutRate,
        };
        WindowLayout[] layouts = [new(window, 0), new(window, shift)];
        blocks = new ModuleList<SwinBlock>([.. Enumerable.Range(0, options.Depths[layer]).Select(i => new SwinBlock(shape with { DropPathRate = options.DropPathOf(first + i, count) }, layouts[i % 2]))]);
        RegisterComponents();
    }

    /// <summary>The patch merging; null in the first layer.</summary>
    public PatchMerging? Downsample => downsample;

    /// <summary>The blocks, first to last.</summary>
    public ModuleList<SwinBlock> Blocks => blocks;

    /// <summary>Applies the layer.</summary>
    /// <param name="input">[batch, rows, columns, width].</param>
    /// <returns>[batch, rows, columns, width], with half the sides and a different width if patches are merged.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var x = downsample is null ? input : downsample.call(input);
        return scope.MoveToOuter(BlockRow.Call(blocks, x, scope));
    }
}

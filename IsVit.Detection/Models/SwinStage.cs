using IsVit.Core.Models;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>The blocks of one resolution, and the patch merging behind them, which the backbone calls itself; MMDetection's names: <c>blocks</c>, <c>downsample</c>.</summary>
public sealed class SwinStage : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly ModuleList<SwinBlock> blocks;
    private readonly PatchMerging? downsample;

    internal SwinStage(SwinBackboneOptions options, int layer)
        : base(nameof(SwinStage))
    {
        var shape = new SwinBlockShape(options.DimOf(layer), options.HeadCounts[layer]) { MlpRatio = options.MlpRatio, QkvBias = options.QkvBias, LayerNormEps = options.LayerNormEps };
        var (first, last) = (options.Depths.Take(layer).Sum(), options.Depths.Sum() - 1);

        // Unlike timm, MMDetection keeps window and shift where a map is smaller than a window.
        WindowLayout[] layouts = [new(options.WindowSize, 0, fillsFirst: true), new(options.WindowSize, options.WindowSize / 2, fillsFirst: true)];
        blocks = new ModuleList<SwinBlock>(
            [.. Enumerable.Range(0, options.Depths[layer]).Select(i => new SwinBlock(shape with { DropPathRate = last == 0 ? 0 : options.DropPathRate * (first + i) / last }, layouts[i % 2]))]);
        downsample = layer < options.Depths.Count - 1 ? new PatchMerging(options.DimOf(layer), options.DimOf(layer + 1), options.LayerNormEps) : null;
        RegisterComponents();
    }

    /// <summary>The blocks, first to last.</summary>
    public ModuleList<SwinBlock> Blocks => blocks;

    /// <summary>The patch merging behind the blocks; null in the last layer.</summary>
    public PatchMerging? Downsample => downsample;

    /// <summary>Applies the blocks.</summary>
    /// <param name="input">[batch, rows, columns, width].</param>
    /// <returns>Shape of <paramref name="input"/>.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(BlockRow.Call(blocks, input, scope));
    }
}

using IsVit.Core.Models;
using IsVit.Detection.Models;
using IsVit.Model.Architectures;
using IsVit.Tool.Inputs;

namespace IsVit.Tests.Programs.Tool;

public sealed class ModelsTests
{
    public static TheoryData<ModelOptions> Shapes => new()
    {
        ModelCatalog.Find(ModelCatalog.Demo).Options,
        ModelCatalog.Find(ModelCatalog.DemoSwin).Options,
        new SwinTransformerOptions { ImageSize = 64, EmbedDim = 12, Depths = [2, 1, 1], HeadCounts = [1, 2, 4], WindowSize = 7, ClassCount = 0, QkvBias = false },
        new VisionTransformerOptions { ImageSize = 32, EmbedDim = 24, Depth = 2, Distilled = true, ClassCount = 7 },
        new VisionTransformerOptions { ImageSize = 32, ImageWidth = 48, EmbedDim = 24, Depth = 2, RegisterTokenCount = 4, LayerScale = 1, QkNorm = true, ProjectionBias = false, QkvBias = false, ClassCount = 0 },
        new VisionTransformerOptions { ImageSize = 32, EmbedDim = 24, Depth = 1, RegisterTokenCount = 4, RegisterPositions = false, Mlp = MlpKind.SwiGlu, PreLogitsDim = 10, MlpRatio = 3 },
        new VisionTransformerOptions { ImageSize = 32, EmbedDim = 24, Depth = 1, PatchPositionsOnly = true, Pooling = PoolingKind.ClassTokenAndAverage },
        new VisionTransformerOptions { ImageSize = 32, EmbedDim = 24, Depth = 1, HasClassToken = false, Pooling = PoolingKind.Average },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Of_Shape_IsWhatTheModelHas(ModelOptions shape)
    {
        using var model = shape.Create();

        Assert.Equal(model.parameters().Sum(static parameter => parameter.numel()), ParameterCount.Of(shape));
    }

    [Fact]
    public async Task Models_ListsEveryName()
    {
        var run = await ToolRun.Of("models");

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.All(ModelCatalog.Names.Concat(DetectorCatalog.Names), name => Assert.Contains($"| {name} ", run.Output, StringComparison.Ordinal));

        // timm's figures.
        Assert.Matches(@"\| deit_tiny_patch16_224 +\| ViT +\| +224 \| +16 \| +1000 \| +5\.7 \|", run.Output);
        Assert.Matches(@"\| vit_giant_patch14_reg4_dinov2 +\| ViT, layer scale, 4 registers +\| +518 \| +14 \| +0 \| +1136\.5 \|", run.Output);
        Assert.Matches(@"\| swin_base_patch4_window12_384 +\| Swin +\| +384 \| +4 \| +1000 \| +87\.9 \|", run.Output);
        Assert.Matches(@"\| cascade_mask_rcnn_swin_small +\| Cascade Mask R-CNN, Swin +\| +24 \| +80 \|", run.Output);
    }
}

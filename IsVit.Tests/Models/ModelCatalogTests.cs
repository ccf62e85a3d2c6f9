using IsVit.Core.Models;
using TorchSharp;

namespace IsVit.Tests.Models;

public sealed class ModelCatalogTests
{
    [Theory]
    [InlineData("deit_tiny_patch16_224", 5_717_416)]
    [InlineData("deit_small_patch16_224", 22_050_664)]
    [InlineData("deit_base_patch16_224", 86_567_656)]
    [InlineData("vit_base_patch32_224", 88_224_232)]
    [InlineData("deit_tiny_distilled_patch16_224", 5_910_800)]
    [InlineData("deit_small_distilled_patch16_224", 22_436_432)]
    [InlineData("deit_base_distilled_patch16_224", 87_338_192)]
    [InlineData("swin_tiny_patch4_window7_224", 28_288_354)]
    [InlineData("swin_small_patch4_window7_224", 49_606_258)]
    [InlineData("swin_base_patch4_window7_224", 87_768_224)]
    [InlineData("swin_base_patch4_window12_384", 87_903_584)]
    [InlineData("deit3_small_patch16_224", 22_059_496)]
    [InlineData("vit_small_patch14_dinov2", 22_056_576 - 384)] // without the mask token
    public void Create_Preset_HasThePublishedNumberOfParameters(string name, long expected)
    {
        using var model = ModelCatalog.Create(name);

        Assert.Equal(expected, model.parameters().Sum(p => p.numel()));
    }

    [Fact]
    public void Create_ClassCount_SetsTheHeadOnly()
    {
        using var scope = torch.NewDisposeScope();
        using var model = ModelCatalog.Create(ModelCatalog.Demo, 3);
        model.eval();

        Assert.Equal([2, 3], model.call(torch.rand(2, 1, 28, 28)).shape);
        Assert.Equal(64, ((VisionTransformer)model).Options.EmbedDim);
    }

    [Fact]
    public void Find_UnknownName_ListsWhatThereIsClosestFirst()
    {
        var error = Assert.Throws<ArgumentException>(() => ModelCatalog.Find("diet_tiny_patch16_224"));

        Assert.Contains("'diet_tiny_patch16_224'", error.Message, StringComparison.Ordinal);
        Assert.Contains("there are: deit_tiny_patch16_224, ", error.Message, StringComparison.Ordinal);
        Assert.All(ModelCatalog.Names, n => Assert.Contains(n, error.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("deit_tiny_patch16_224.fb_in1k", 0.485f)]
    [InlineData("vit_base_patch16_224.augreg2_in21k_ft_in1k", 0.5f)]
    [InlineData("vit_base_patch16_224.dino", 0.485f)]
    [InlineData("vit_base_patch16_224.mae", 0.485f)]
    public void Find_FullNameOfTimm_IsTheModelWithTheMeanOfItsWeights(string name, float mean)
    {
        var preset = ModelCatalog.Find(name);

        Assert.Equal(name[..name.IndexOf('.', StringComparison.Ordinal)], preset.Name);
        Assert.Equal(mean, preset.Preprocessing.Mean[0]);
    }

    [Theory]
    [InlineData("deit_tinny_patch16_224", "deit_tiny_patch16_224")]
    [InlineData("vit_fasion", "vit_fashion")]
    [InlineData("ivt_fsahion", "vit_fashion")]
    [InlineData("resnet50", null)]
    public void Closest_MisspeltName_IsTheOneMeant(string name, string? expected) => Assert.Equal(expected, ModelCatalog.Closest(ModelCatalog.Names, name) is [var first, ..] ? first : null);

    /// <summary>A damaged file may hold any name.</summary>
    [Fact]
    public void Closest_EndlessName_IsNoneAndAsksForLittleMemory()
    {
        var name = new string('v', 40_000);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Empty(ModelCatalog.Closest(ModelCatalog.Names, name));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory]
    [InlineData("deit_small_patch16_224", 224, 0.9, 0.485f, 0.229f, 248)]
    [InlineData("deit_base_distilled_patch16_384", 384, 1.0, 0.485f, 0.229f, 384)]
    [InlineData("vit_small_patch32_224", 224, 0.9, 0.5f, 0.5f, 248)]
    [InlineData("vit_base_patch16_384", 384, 1.0, 0.5f, 0.5f, 384)]
    [InlineData("swin_tiny_patch4_window7_224", 224, 0.9, 0.485f, 0.229f, 248)]
    [InlineData("swin_base_patch4_window12_384", 384, 1.0, 0.485f, 0.229f, 384)]
    [InlineData("swin_micro", 28, 1.0, 0.286f, 0.353f, 28)]
    [InlineData("vit_fashion", 28, 1.0, 0.286f, 0.353f, 28)]
    public void Find_Preset_HasItsFamilysPreprocessing(string name, int size, double crop, float mean, float std, int resize)
    {
        var preset = ModelCatalog.Find(name);

        Assert.Equal(size, preset.Preprocessing.ImageSize);
        Assert.Equal(crop, preset.Preprocessing.CropFraction);
        Assert.Equal(mean, preset.Preprocessing.Mean[0]);
        Assert.Equal(std, preset.Preprocessing.Std[0]);
        Assert.Equal(resize, preset.Preprocessing.ResizeSize);
        Assert.Equal(preset.Options.InChannels, preset.Preprocessing.ChannelCount);
        Assert.Equal(preset.Options.ImageSize, preset.Preprocessing.ImageSize);
    }

    [Fact]
    public void Names_All_AreThePresetsOfTheFamiliesAndTheDemo() => Assert.Equal(
        [
            "deit3_base_patch16_224", "deit3_base_patch16_384", "deit3_huge_patch14_224", "deit3_large_patch16_224", "deit3_large_patch16_384", "deit3_medium_patch16_224",
            "deit3_small_patch16_224", "deit3_small_patch16_384", "deit_base_distilled_patch16_224", "deit_base_distilled_patch16_384", "deit_base_patch16_224", "deit_base_patch16_384",
            "deit_small_distilled_patch16_224", "deit_small_patch16_224", "deit_tiny_distilled_patch16_224", "deit_tiny_patch16_224", "swin_base_patch4_window12_384",
            "swin_base_patch4_window7_224", "swin_large_patch4_window12_384", "swin_large_patch4_window7_224", "swin_micro", "swin_small_patch4_window7_224", "swin_tiny_patch4_window7_224",
            "vit_base_patch14_dinov2", "vit_base_patch14_reg4_dinov2", "vit_base_patch16_224", "vit_base_patch16_384", "vit_base_patch32_224", "vit_base_patch32_384", "vit_fashion",
            "vit_giant_patch14_dinov2", "vit_giant_patch14_reg4_dinov2", "vit_huge_patch14_224", "vit_large_patch14_dinov2", "vit_large_patch14_reg4_dinov2", "vit_large_patch16_224",
            "vit_large_patch16_384", "vit_small_patch14_dinov2", "vit_small_patch14_reg4_dinov2", "vit_small_patch16_224", "vit_small_patch16_384", "vit_small_patch32_224",
            "vit_small_patch32_384", "vit_tiny_patch16_224", "vit_tiny_patch16_384",
        ],
        ModelCatalog.Names.Order(StringComparer.Ordinal));
}

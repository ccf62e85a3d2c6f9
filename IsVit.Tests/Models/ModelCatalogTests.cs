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
        Assert.Equal(96, model.Options.EmbedDim);
    }
}

using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Documentation;

/// <summary>What docs/models.md shows.</summary>
public sealed class ModelsPageTests
{
    [Fact]
    public void Load_RealWeights_GiveLogits()
    {
        string weights = SharedData.Weights;
        using torch.Tensor images = Seeded.Normal(1, 1, 3, 224, 224);

        // snippet: load
        using var model = ModelCatalog.Create("deit_tiny_patch16_224"); // random weights; a second argument sets the number of classes
        StateDict.Load(model, weights); // a safetensors file with timm's names; all or nothing
        model.eval();
        using var logits = model.call(images); // [batch, 3, 224, 224] -> [batch, 1000]
        // end

        Assert.Equal([1, 1000], logits.shape);
        Assert.True(logits.std().item<float>() > 0.5f);
    }
}

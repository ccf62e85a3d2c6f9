using IsVit.Core.Models;
using IsVit.Core.Models.Pretrained;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Documentation;

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

    [Fact]
    public void Pretrained_Snapshot_GivesModelPreprocessingAndNotes()
    {
        string path = SharedData.Formats("hf_swin");

        // snippet: pretrained
        using var source = PretrainedModel.Open(path); // the folder of a hub's snapshot, or a file of weights
        using var model = source.Load(); // in evaluation mode
        var preprocessing = source.Description.Preprocessing; // for ImageFileSource
        foreach (var note in source.Notes)
        {
            Console.WriteLine(note); // a prefix that was left out, positions that were resized, a head that is not there
        }
        // end

        Assert.Equal((64, 7), (preprocessing!.ImageSize, model.ClassCount));
    }

    [Fact]
    public void PretrainedSize_NamedModel_IsResized()
    {
        string path = SharedData.Weights;

        // snippet: pretrained-options
        using var source = PretrainedModel.Open(path, new PretrainedModelOptions { Model = "deit_tiny_patch16_224.fb_in1k", ImageSize = 384 });
        // end

        Assert.Equal(384, source.Description.Architecture.ImageSize);
        Assert.Contains("the position embedding of 14 x 14 patches is resized to 24 x 24, for images of 384 pixels", source.Notes);
    }
}

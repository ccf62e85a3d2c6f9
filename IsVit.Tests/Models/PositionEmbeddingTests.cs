using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Models;

public sealed class PositionEmbeddingTests
{
    private static readonly VisionTransformerOptions Vit = new() { ImageSize = 32, PatchSize = 8, EmbedDim = 48, Depth = 3, HeadCount = 4, ClassCount = 7 };

    [Fact]
    public void Resize_EveryOracle_IsTimms()
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = SafetensorsFile.Open(SharedData.Formats("pos_embed.safetensors"));
        var prefixes = new Dictionary<string, int>(StringComparer.Ordinal) { ["vit"] = 1, ["deit"] = 2, ["no_prefix"] = 0 };
        var names = oracle.Tensors.Keys.Where(static name => name.Contains(".resized.", StringComparison.Ordinal)).ToList();

        Assert.Equal(8, names.Count);
        foreach (var name in names)
        {
            var kind = name[..name.IndexOf('.', StringComparison.Ordinal)];
            var sides = name[(name.LastIndexOf('.') + 1)..].Split('x').Select(static side => int.Parse(side, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
            var resized = PositionEmbedding.Resize(oracle.Read($"{kind}.pos_embed"), prefixes[kind], sides[0], sides[1]);
            Assert.Equal(oracle.Tensors[name].Shape, resized.shape);
            Assert.True(ModelFiles.MaxDifference(oracle.Read(name), resized) <= 1e-5, name);
        }
    }

    [Theory]
    [InlineData("other", 48, 48)]
    [InlineData("rectangular", 56, 32)]
    public void Load_OtherImageSize_GivesTheOraclesLogits(string kind, int height, int width)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = SafetensorsFile.Open(SharedData.Formats("pos_embed.safetensors"));
        using var model = (Vit with { ImageSize = height, ImageWidth = width }).Create();

        var report = StateDict.Load(model, SharedData.Formats("hf_vit", "model.safetensors"), new StateDictLoadOptions { Resize = true });
        model.eval();

        Assert.Equal(["pos_embed"], report.Resized);
        Assert.InRange(ModelFiles.MaxDifference(oracle.Read($"vit.logits_{kind}"), model.call(oracle.Read($"vit.input_{kind}"))), 0, 2e-5);
    }

    [Fact]
    public void Load_OtherImageSizeWithoutResize_DoesNotFit()
    {
        using var model = (Vit with { ImageSize = 48 }).Create();

        var error = Assert.Throws<StateDictException>(() => StateDict.Load(model, SharedData.Formats("hf_vit", "model.safetensors")));

        Assert.Equal("pos_embed (expected F32 [1, 37, 48], found F32 [1, 17, 48])", Assert.Single(error.Mismatched).ToString());
    }
}

using IsVit.Core.Models;
using IsVit.Model.Architectures;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Models;

public sealed class VisionTransformerTests
{
    private static readonly VisionTransformerOptions Micro = new()
    {
        ImageSize = 8, PatchSize = 4, EmbedDim = 12, Depth = 2, HeadCount = 3, ClassCount = 5,
    };

    [Fact]
    public void StateDict_DistilledWithLayerScale_HasTimmsNames()
    {
        using var model = new VisionTransformer(Micro with { Depth = 1, Distilled = true, LayerScale = 1e-5 });

        Assert.Equal(
            [
                "blocks.0.attn.proj.bias", "blocks.0.attn.proj.weight", "blocks.0.attn.qkv.bias", "blocks.0.attn.qkv.weight",
                "blocks.0.ls1.gamma", "blocks.0.ls2.gamma",
                "blocks.0.mlp.fc1.bias", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.bias", "blocks.0.mlp.fc2.weight",
                "blocks.0.norm1.bias", "blocks.0.norm1.weight", "blocks.0.norm2.bias", "blocks.0.norm2.weight",
                "cls_token", "dist_token", "head.bias", "head.weight", "head_dist.bias", "head_dist.weight",
                "norm.bias", "norm.weight", "patch_embed.proj.bias", "patch_embed.proj.weight", "pos_embed",
            ],
            model.state_dict().Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void StateDict_AveragePoolingWithoutClassTokenAndQkvBias_HasTimmsNames()
    {
        using var model = new VisionTransformer(Micro with { Depth = 1, Pooling = PoolingKind.Average, HasClassToken = false, QkvBias = false });

        Assert.Equal(
            [
                "blocks.0.attn.proj.bias", "blocks.0.attn.proj.weight", "blocks.0.attn.qkv.weight",
                "blocks.0.mlp.fc1.bias", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.bias", "blocks.0.mlp.fc2.weight",
                "blocks.0.norm1.bias", "blocks.0.norm1.weight", "blocks.0.norm2.bias", "blocks.0.norm2.weight",
                "fc_norm.bias", "fc_norm.weight", "head.bias", "head.weight",
                "patch_embed.proj.bias", "patch_embed.proj.weight", "pos_embed",
            ],
            model.state_dict().Keys.Order(StringComparer.Ordinal));
        Assert.Equal([1, 4, 12], model.state_dict()["pos_embed"].shape);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Call_AveragePooling_ClassifiesTheNormalisedMeanOfThePatches(bool classToken)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new VisionTransformer(Micro with { Pooling = PoolingKind.Average, HasClassToken = classToken });
        model.eval();
        var images = rand(2, 3, 8, 8);
        var state = model.state_dict();

        var x = model.PatchEmbed.call(images);
        if (classToken)
        {
            x = cat([state["cls_token"].expand(2, 1, 12), x], 1);
        }

        x = model.Blocks[1].call(model.Blocks[0].call(x + state["pos_embed"]));
        var pooled = (classToken ? x.slice(1, 1, 5, 1) : x).mean([1L]);
        var expected = nn.functional.linear(
            nn.functional.layer_norm(pooled, [12], state["fc_norm.weight"], state["fc_norm.bias"], 1e-6),
            state["head.weight"],
            state["head.bias"]);

        Assert.InRange(ModelFiles.MaxDifference(expected, model.call(images)), 0, 1e-6);
    }

    [Fact]
    public void Call_LayerScale_ScalesEachBranch()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new VisionTransformer(Micro with { Depth = 1, LayerScale = 0.5 });
        var block = model.Blocks[0];
        var x = randn(2, 5, 12);

        var half = x + (block.Attn.call(block.Norm1.call(x)) * 0.5);
        var expected = half + (block.Mlp.call(block.Norm2.call(half)) * 0.5);

        Assert.InRange(ModelFiles.MaxDifference(expected, block.call(x)), 0, 1e-6);
    }

    [Fact]
    public void Call_Backward_ReachesEveryParameter()
    {
        using var scope = NewDisposeScope();
        using var model = new VisionTransformer(Micro with { Distilled = true, LayerScale = 0.1 });
        model.train();

        model.call(rand(2, 3, 8, 8)).square().sum().backward();

        foreach (var (name, parameter) in model.named_parameters())
        {
            Assert.True(parameter.grad is not null && parameter.grad.abs().sum().item<float>() > 0, $"{name} has no gradient");
        }
    }

    [Fact]
    public void Call_Distilled_GivesTheMeanOfBothHeadsInBothModes()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new VisionTransformer(Micro with { Distilled = true });
        var images = rand(2, 3, 8, 8);
        model.HeadDist!.weight.zero_();
        model.HeadDist.bias!.fill_(4);
        model.Head.weight.zero_();
        model.Head.bias!.fill_(2);

        model.eval();
        Assert.Equal(0, ModelFiles.MaxDifference(full([2, 5], 3f), model.call(images)));
        model.train();
        Assert.Equal(0, ModelFiles.MaxDifference(full([2, 5], 3f), model.call(images)));
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-5)]
    [InlineData(ScalarType.BFloat16, 0.05)]
    [InlineData(ScalarType.Float32, 0)]
    public void Call_OtherType_GivesTheSameLogitsInThatType(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new VisionTransformer(Micro with { Distilled = true, LayerScale = 0.5, DropPathRate = 0.1, DropoutRate = 0.1 });
        model.eval();
        var images = rand(2, 3, 8, 8);
        var expected = model.call(images);

        model.to(type);
        var logits = model.call(images.to(type));

        Assert.Equal(type, logits.dtype);
        Assert.All(model.parameters(), p => Assert.Equal(type, p.dtype));
        Assert.InRange(ModelFiles.MaxDifference(expected, logits), 0, tolerance);
    }

    [Fact]
    public void Call_DropPathAndDropout_ActOnlyWhileTraining()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new VisionTransformer(Micro with { DropPathRate = 0.5, DropoutRate = 0.5 });
        var images = rand(4, 3, 8, 8);

        model.train();
        Assert.NotEqual(0, ModelFiles.MaxDifference(model.call(images), model.call(images)));
        model.eval();
        Assert.Equal(0, ModelFiles.MaxDifference(model.call(images), model.call(images)));
    }

    [Fact]
    public void Constructor_SameSeed_GivesTheSameWeights()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        using var first = new VisionTransformer(Micro);
        manual_seed(7);
        using var second = new VisionTransformer(Micro);

        var other = second.state_dict();
        Assert.All(first.state_dict(), p => Assert.Equal(0, ModelFiles.MaxDifference(p.Value, other[p.Key])));
        Assert.InRange(first.Head.weight.std().item<float>(), 0.01f, 0.03f);
    }

    [Fact]
    public void Call_ImagesOfAnotherSize_NamesBothShapes()
    {
        using var scope = NewDisposeScope();
        using var model = new VisionTransformer(Micro);

        var error = Assert.Throws<ArgumentException>(() => model.call(rand(2, 1, 8, 16)));

        Assert.Contains("[2, 1, 8, 16]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[batch, 3, 8, 8]", error.Message, StringComparison.Ordinal);
    }
}

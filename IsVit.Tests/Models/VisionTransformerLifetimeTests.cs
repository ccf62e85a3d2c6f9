using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Models;

/// <summary>What quantization builds on: every module is called, operands are handed on as they are, nothing leaks, and hooks may keep tensors.</summary>
public sealed class VisionTransformerLifetimeTests
{
    private static readonly VisionTransformerOptions Micro = new()
    {
        ImageSize = 8, PatchSize = 4, EmbedDim = 12, Depth = 2, HeadCount = 3, ClassCount = 5, Distilled = true, LayerScale = 0.5,
    };

    [Fact]
    public void Call_EveryModule_IsReachedThroughCall()
    {
        using var scope = NewDisposeScope();
        using var model = new VisionTransformer(Micro);
        var silent = new HashSet<string>();
        foreach (var (name, module) in model.named_modules().Where(m => m.module is not ModuleList<Block>))
        {
            silent.Add(name);
            switch (module)
            {
                case nn.Module<Tensor, Tensor> one:
                    one.register_forward_hook(_ => silent.Remove(name));
                    break;
                case nn.Module<Tensor, Tensor, Tensor> two:
                    two.register_forward_hook(_ => silent.Remove(name));
                    break;
            }
        }

        Assert.Equal(35, silent.Count);
        model.call(rand(2, 3, 8, 8));

        Assert.Empty(silent);
    }

    [Fact]
    public void Call_Operands_AreHandedOnAsTheyAre()
    {
        using var scope = NewDisposeScope();
        using var model = new VisionTransformer(Micro);
        var block = model.Blocks[0];
        var outputs = new Dictionary<string, Tensor>();
        var handedOn = new List<string>();
        void Produces(nn.Module<Tensor, Tensor> module, string what) => module.register_forward_hook((_, _, y) => outputs[what] = y);
        void Takes(nn.Module<Tensor, Tensor> module, string what) => module.register_forward_pre_hook((_, x) => Note(x, what));
        Tensor Note(Tensor x, string what)
        {
            if (ReferenceEquals(x, outputs[what]))
            {
                handedOn.Add(what);
            }

            return x;
        }

        Produces(block.Norm1, "norm1");
        Takes(block.Attn.Qkv, "norm1");
        Produces(block.Attn.Softmax, "softmax");
        block.Attn.Av.register_forward_pre_hook((_, left, right) => (Note(left, "softmax"), right));
        Produces(block.Norm2, "norm2");
        Takes(block.Mlp.Fc1, "norm2");
        Produces(block.Mlp.Act, "gelu");
        Takes(block.Mlp.Fc2, "gelu");
        model.call(rand(2, 3, 8, 8));

        Assert.Equal(["norm1", "softmax", "norm2", "gelu"], handedOn);
    }

    [Fact]
    public void Call_Products_HaveTheOperandsShapes()
    {
        using var scope = NewDisposeScope();
        using var model = new VisionTransformer(Micro);
        var shapes = new List<string>();
        foreach (var product in new[] { model.Blocks[0].Attn.Qk, model.Blocks[0].Attn.Av })
        {
            product.register_forward_hook((_, a, b, y) =>
            {
                shapes.AddRange(new[] { a, b, y }.Select(t => string.Join("x", t.shape)));
                return y;
            });
        }

        model.call(rand(2, 3, 8, 8));

        Assert.Equal(["2x3x6x4", "2x3x4x6", "2x3x6x6", "2x3x6x6", "2x3x6x4", "2x3x6x4"], shapes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Call_Repeated_LeavesOnlyItsResult(bool gradients)
    {
        using var model = new VisionTransformer(Micro with { DropPathRate = 0.5, DropoutRate = 0.5 });
        using var images = rand(2, 3, 8, 8);
        using var mode = set_grad_enabled(gradients);
        model.train(gradients);
        var logits = new List<Tensor>();

        Assert.Equal(3, LiveTensors.LeftBy(() => logits.AddRange(Enumerable.Range(0, 3).Select(_ => model.call(images)))));
        logits.ForEach(l => l.Dispose());
    }

    [Fact]
    public void Call_HookKeepsABlocksOutput_StaysReadableAfterwards()
    {
        using var model = new VisionTransformer(Micro);
        using var images = rand(2, 3, 8, 8);
        using var noGrad = no_grad();
        var kept = new List<Tensor>();
        model.Blocks[0].register_forward_hook((_, _, y) =>
        {
            kept.Add(y.DetachFromDisposeScope());
            kept.Add(y.alias().DetachFromDisposeScope());
            return y;
        });

        using var logits = model.call(images);

        Assert.False(kept[0].IsInvalid);
        Assert.Equal(0, ModelFiles.MaxDifference(kept[0], kept[1]));
        kept.ForEach(k => k.Dispose());
    }

    [Fact]
    public void Call_HookReplacesABlocksOutput_DoesNotDisposeWhatTheHookOwns()
    {
        using var model = new VisionTransformer(Micro);
        using var images = rand(2, 3, 8, 8);
        using var replacement = randn(2, 6, 12);
        using var noGrad = no_grad();
        model.Blocks[0].register_forward_hook((_, _, _) => replacement);

        using var first = model.call(images);
        using var second = model.call(images);

        Assert.False(replacement.IsInvalid);
        Assert.Equal(0, ModelFiles.MaxDifference(first, second));
    }

    [Fact]
    public void Call_AtTheHead_HasFreedWhatTheFinalNormalisationRead()
    {
        using var vit = new VisionTransformer(Micro);
        using var swin = new SwinTransformer(new() { ImageSize = 8, PatchSize = 2, EmbedDim = 4, Depths = [1, 1], HeadCounts = [1, 1], WindowSize = 2, ClassCount = 3 });
        AssertFreed(vit, vit.Blocks[^1], vit.Head);
        AssertFreed(swin, swin.Layers[^1], swin.Head);

        // A stream that halts at the head keeps what the forward holds there for every batch.
        static void AssertFreed(nn.Module<Tensor, Tensor> model, nn.Module<Tensor, Tensor> last, nn.Module<Tensor, Tensor> head)
        {
            using var images = rand(2, 3, 8, 8);
            using var noGrad = no_grad();
            Tensor? read = null;
            bool? freed = null;
            last.register_forward_hook((_, _, y) => read = y);
            head.register_forward_pre_hook((_, x) =>
            {
                freed = read!.IsInvalid;
                return x;
            });
            model.call(images).Dispose();
            Assert.True(freed);
        }
    }

    [Fact]
    public void Constructor_InsideADisposeScope_OutlivesIt()
    {
        VisionTransformer model;
        using (NewDisposeScope())
        {
            model = new VisionTransformer(Micro);
        }

        using (model)
        {
            using var images = rand(1, 3, 8, 8);
            using var logits = model.call(images);
            Assert.All(model.parameters(), p => Assert.False(p.IsInvalid));
        }
    }

    [Fact]
    public void Dispose_Model_FreesItsParameters()
    {
        LiveTensors.AssertNoneLeftBy(() => new VisionTransformer(Micro).Dispose());
    }
}

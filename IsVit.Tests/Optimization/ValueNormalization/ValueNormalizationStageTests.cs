using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.ValueNormalization;

public sealed class ValueNormalizationStageTests
{
    [Theory]
    [InlineData(4, true)]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public void Run_VisionTransformer_EveryChannelOfValuesAndOfWhatProjReadsTogetherHasTheSameSpread(int headCount, bool qkvBias)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(3, Micro.Options with { HeadCount = headCount, QkvBias = qkvBias });
        model.to(float64);
        var images = Micro.Images().to(float64);
        var (parameters, output, before) = (Micro.Copy(model), Micro.Call(model, images), Channels(model, images));

        using var quantized = Micro.Quantizer([StageNames.ValueNormalization], []).Run(model, images);

        Assert.InRange(Micro.Distance(output, quantized.Predict(images)), 0, 1e-12);
        var after = Channels(model, images);
        Assert.All(new[] { 0, 1 }, block =>
        {
            var (was, now) = (Together(before[block]), Together(after[block]));
            Assert.True((was.max() / was.min()).item<double>() > 1.3);
            Assert.InRange((now.max() / now.min()).item<double>(), 1, 1.0001);
            Assert.Equal(was.mean().item<double>(), now.mean().item<double>(), 0.01 * was.mean().item<double>());
            Assert.Equal(qkvBias, after[block].Read.mean([0L]).abs().max().item<double>() < 1e-9);
        });
        string[] expected = qkvBias ? ["attn.proj.bias", "attn.proj.weight", "attn.qkv.bias", "attn.qkv.weight"] : ["attn.proj.weight", "attn.qkv.weight"];
        Assert.Equal(
            new[] { "blocks.0.", "blocks.1." }.SelectMany(block => expected.Select(name => block + name)),
            Micro.Copy(model).Where(entry => !entry.Value.Equals(parameters[entry.Key])).Select(static entry => entry.Key).Order(StringComparer.Ordinal));

        // Queries and keys are not touched.
        TensorAssert.Identical(parameters["blocks.0.attn.qkv.weight"].narrow(0, 0, 96), model.Blocks[0].Attn.Qkv.weight.detach().narrow(0, 0, 96));
    }

    [Fact]
    public void Run_SwinTransformer_LeavesTheFunction()
    {
        using var scope = NewDisposeScope();
        using var model = new SwinTransformerOptions
        {
            ImageSize = 32, PatchSize = 4, EmbedDim = 24, Depths = [2, 2], HeadCounts = [2, 4], WindowSize = 4, ClassCount = 7, MlpRatio = 2,
        }.Create();
        Micro.Enliven(model, 1);
        model.eval();
        model.to(float64);
        var images = Micro.Images(count: 8).to(float64);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));

        using var quantized = Micro.Quantizer([StageNames.ValueNormalization], []).Run(model, images);

        Assert.InRange(Micro.Distance(output, quantized.Predict(images)), 0, 1e-12);
        Assert.Contains(Micro.Copy(model), entry => !entry.Value.Equals(parameters[entry.Key]));
    }

    [Fact]
    public void Run_ChannelThatDoesNotVary_KeepsItsSize()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using (no_grad())
        {
            model.Blocks[0].Attn.Qkv.weight.narrow(0, 96 + 5, 1).zero_();
        }

        var images = Micro.Images();
        var output = Micro.Call(model, images);

        using var quantized = Micro.Quantizer([StageNames.ValueNormalization], []).Run(model, images);

        Assert.InRange(Micro.Distance(output, quantized.Predict(images)), 0, 1e-5);
    }

    /// <summary>The layer in front of the attention is no value: what it gives is not averaged.</summary>
    [Fact]
    public void Run_ValuesThatAreNotAveraged_NamesTheAttentionAndRestores()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var wrong = new AttentionDeclaration(4) { Value = new("blocks.1.attn.qkv", 12, 0), Output = "blocks.1.attn.proj" };

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer([StageNames.ValueNormalization], []).Run(
            model, images, new QuantizationRun { Trace = new TraceOptions { Attentions = [wrong] } }));

        Assert.Contains("'blocks.1.attn.qkv'", error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void Run_ContextsFloatModel_IsTheNormalizedOne()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var looked = false;
        void Look(QuantizationContext context)
        {
            looked = true;
            Micro.AssertSame(Micro.Copy(model), context.FloatParameters.Values.ToDictionary(StringComparer.Ordinal));
        }

        using var quantized = Micro.Quantizer([StageNames.ValueNormalization, "look"], [new ProbeStage("look", Look)]).Run(model, Micro.Images());

        Assert.True(looked);
    }

    // The geometric mean of each channel's deviations before attention and behind it.
    private static Tensor Together((Tensor Values, Tensor Read) channels) => (channels.Values.std([0L]) * channels.Read.std([0L])).sqrt();

    // The values that qkv of every block gives and what proj reads, a row a token.
    private static List<(Tensor Values, Tensor Read)> Channels(VisionTransformer model, Tensor images)
    {
        var (values, read) = (new List<Tensor>(), new List<Tensor>());
        Tensor Rows(Tensor x) => x.detach().clone().flatten(0, -2).DetachFromDisposeScope();
        var hooks = model.Blocks.SelectMany(block => new[]
        {
            block.Attn.Proj.register_forward_pre_hook((_, x) =>
            {
                read.Add(Rows(x));
                return x;
            }).remove,
            block.Attn.Qkv.register_forward_hook((_, _, y) =>
            {
                values.Add(Rows(y.narrow(-1, y.shape[^1] / 3 * 2, y.shape[^1] / 3)));
                return y;
            }).remove,
        }).ToList();
        Micro.Call(model, images);
        hooks.ForEach(static remove => remove());
        return [.. values.Zip(read)];
    }
}

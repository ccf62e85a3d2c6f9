using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.HeadRotation;

public sealed class HeadRotationStageTests
{
    [Theory]
    [InlineData(4, true)]
    [InlineData(4, false)]
    [InlineData(3, true)]
    public void Run_VisionTransformer_ChangesQueriesKeysAndValuesButNotTheFunction(int headCount, bool qkvBias)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(3, Micro.Options with { HeadCount = headCount, QkvBias = qkvBias });
        model.to(float64);
        var images = Micro.Images().to(float64);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var wanted = Operands(model, images);

        using var quantized = Micro.Quantizer([StageNames.HeadRotation], []).Run(model, images);

        Assert.InRange(Micro.Distance(output, quantized.Predict(images)), 0, 1e-13);
        var found = Operands(model, images);
        foreach (var block in new[] { 0, 1 })
        {
            var (q, k, v) = (found[$"{block}.q"], found[$"{block}.k"], found[$"{block}.v"]);
            Assert.All([(q, "q"), (k, "k"), (v, "v")], entry => Assert.InRange(Micro.Distance(wanted[$"{block}.{entry.Item2}"], entry.Item1), 0.5, 2));

            // Within every head lengths stay.
            Assert.InRange(Micro.Distance(wanted[$"{block}.q"].norm(-1), q.norm(-1)), 0, 1e-12);
            Assert.InRange(Micro.Distance(wanted[$"{block}.v"].norm(-1), v.norm(-1)), 0, 1e-12);
        }

        var changed = Micro.Copy(model).Where(entry => !entry.Value.Equals(parameters[entry.Key])).Select(static entry => entry.Key).Order(StringComparer.Ordinal);
        string[] expected = qkvBias ? ["attn.proj.weight", "attn.qkv.bias", "attn.qkv.weight"] : ["attn.proj.weight", "attn.qkv.weight"];
        Assert.Equal(new[] { "blocks.0.", "blocks.1." }.SelectMany(block => expected.Select(name => block + name)), changed);
    }

    [Fact]
    public void Run_OutlierChannel_IsSpreadOverItsHead()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(options: Micro.Options with { HeadCount = 3 });
        using (no_grad())
        {
            // One channel of the first head's queries, and of its values, twenty times as large as the others.
            model.Blocks[0].Attn.Qkv.weight.narrow(0, 5, 1).mul_(20);
            model.Blocks[0].Attn.Qkv.weight.narrow(0, 96 + 5, 1).mul_(20);
        }

        static double Peak(Tensor x) => (x.select(1, 0).abs().max() / x.select(1, 0).pow(2).mean().sqrt()).to(float64).item<double>();
        var images = Micro.Images();
        var before = Operands(model, images);
        using var quantized = Micro.Quantizer([StageNames.HeadRotation], []).Run(model, images);
        var after = Operands(model, images);

        // Sixteen channels: alone it would be four times the root mean square, and its own peaks on top of that.
        Assert.InRange(Peak(before["0.q"]) / Peak(after["0.q"]), 2.5, 5);
        Assert.InRange(Peak(before["0.v"]) / Peak(after["0.v"]), 2.5, 5);
    }

    [Fact]
    public void Run_Seed_DecidesTheRotations()
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> Rotated(int seed)
        {
            using var model = Micro.Vit();
            using var quantized = Micro.Quantizer([StageNames.HeadRotation], [], options => options.Seed = seed).Run(model, Micro.Images());
            return Micro.Copy(model);
        }

        var first = Rotated(1);
        Micro.AssertSame(first, Rotated(1));
        Assert.False(first["blocks.0.attn.qkv.weight"].Equals(Rotated(2)["blocks.0.attn.qkv.weight"]));
    }

    // Later stages compare what is inside the quantized model with what is inside the float one.
    [Fact]
    public void Run_ContextsFloatModel_IsTheRotatedOne()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var looked = false;
        void Look(QuantizationContext context)
        {
            looked = true;
            Micro.AssertSame(Micro.Copy(model), context.FloatParameters.Values.ToDictionary(StringComparer.Ordinal));
        }

        using var quantized = Micro.Quantizer([StageNames.HeadRotation, "look"], [new ProbeStage("look", Look)]).Run(model, Micro.Images());

        Assert.True(looked);
    }

    [Fact]
    public void Run_LaterStageFails_ModelIsAsBeforeTheRotation()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));

        Assert.Throws<InvalidOperationException>(() => Micro.Quantizer(
            [StageNames.HeadRotation, "fail"], [new ProbeStage("fail", static _ => throw new InvalidOperationException("as planned"))]).Run(model, images));

        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Theory]
    [InlineData(2, 24, 0, null)] // half as many heads
    [InlineData(4, 12, 12, 12)] // one head further on, whose last is the first key
    [InlineData(4, 6, 0, 12)] // half of each head, keys of the next one
    public void Run_HeadsThatLieElsewhere_NamesTheAttentionAndRestores(int headCount, int width, int start, int? stride)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var wrong = new AttentionDeclaration(headCount)
        {
            Query = new("blocks.1.attn.qkv", width, start, stride),
            Key = new("blocks.1.attn.qkv", width, 60, stride),
        };

        // The first is right, and not named.
        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer([StageNames.HeadRotation], []).Run(
            model, images, new QuantizationRun { Trace = new TraceOptions { Attentions = [model.Blocks[0].Attn.Declare("blocks.0.attn"), wrong] } }));

        Assert.Contains("declared at 'blocks.1.attn.qkv' changed the float model's output by", error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    // Where the float model gives no numbers, calibration says at which site they are lost.
    [Fact]
    public void Run_ModelThatGivesNoFiniteNumbers_IsLeftToCalibration()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using (no_grad())
        {
            model.Blocks[1].Norm2.weight[3] = float.NaN;
        }

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer([StageNames.HeadRotation, StageNames.ActivationCalibration], []).Run(model, Micro.Images()));

        Assert.Contains("'blocks.1.mlp.fc1:input'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Run_HeadsAfterEachOther_EitherPairOrBoth(bool queries, bool values)
    {
        using var scope = NewDisposeScope();
        using var model = new PerHeadAttention();
        model.to(float64);
        var images = Seeded.Normal(5, 12, 6, 15).to(float64);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var whole = new AttentionDeclaration(3)
        {
            Query = queries ? new("qkv", 5, 0, 15) : null,
            Key = queries ? new("qkv", 5, 5, 15) : null,
            Value = values ? new("qkv", 5, 10, 15) : null,
            Output = values ? "proj" : null,
        };

        using var quantized = Micro.Quantizer([StageNames.HeadRotation], []).Run(
            model, images, new QuantizationRun { Trace = new TraceOptions { Attentions = [whole] } });

        Assert.InRange(Micro.Distance(output, quantized.Predict(images)), 0, 1e-13);
        var difference = (Micro.Copy(model)["qkv.weight"] - parameters["qkv.weight"]).view(3, 3, 5, 15).abs().amax(2, 3); // [heads, q k v]
        Assert.All([0, 1, 2], head => Assert.Equal(
            (queries, queries, values),
            (difference[head, 0].item<double>() > 0.01, difference[head, 1].item<double>() > 0.01, difference[head, 2].item<double>() > 0.01)));
    }

    [Fact]
    public void Recipes_ThoseThatReconstructByThisLibrarysMeans_RotateFirst()
    {
        var rotating = QuantizationRecipes.All.Where(static recipe => recipe.Stages.Any(static stage => stage.Name == StageNames.HeadRotation)).ToList();

        Assert.Equal([RecipeNames.ISVit, RecipeNames.SulqOnly, RecipeNames.SosOnly, RecipeNames.Baseline, RecipeNames.Uniform, RecipeNames.IntegerArithmetic], rotating.Select(static recipe => recipe.Name));
        Assert.All(rotating, static recipe => Assert.Equal(StageNames.HeadRotation, recipe.Stages[0].Name));
    }

    /// <summary>Queries, keys and values by block, [batch, heads, tokens, head width], as the products see them.</summary>
    private static Dictionary<string, Tensor> Operands(VisionTransformer model, Tensor images)
    {
        var seen = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var removals = new List<Action>();
        for (var i = 0; i < model.Blocks.Count; i++)
        {
            var (block, attention) = (i, model.Blocks[i].Attn);
            removals.Add(attention.Qk.register_forward_pre_hook((_, left, right) =>
            {
                (seen[$"{block}.q"], seen[$"{block}.k"]) = (left.clone().DetachFromDisposeScope(), right.transpose(-2, -1).clone().DetachFromDisposeScope());
                return (left, right);
            }).remove);
            removals.Add(attention.Av.register_forward_pre_hook((_, left, right) =>
            {
                seen[$"{block}.v"] = right.clone().DetachFromDisposeScope();
                return (left, right);
            }).remove);
        }

        Micro.Call(model, images);
        removals.ForEach(static remove => remove());
        return seen;
    }

    /// <summary>Attention whose projection gives each head's query, key and value one after the other.</summary>
    private sealed class PerHeadAttention : nn.Module<Tensor, Tensor>
    {
        private readonly Linear qkv = nn.Linear(15, 45);
        private readonly MatMul qk = new();
        private readonly Softmax softmax = nn.Softmax(-1);
        private readonly MatMul av = new();
        private readonly Linear proj = nn.Linear(15, 4);

        public PerHeadAttention()
            : base(nameof(PerHeadAttention))
        {
            RegisterComponents();
            Micro.Enliven(this, 11);
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var parts = qkv.call(input).reshape(input.shape[0], input.shape[1], 3, 3, 5).permute(3, 0, 2, 1, 4); // [q k v, batch, heads, tokens, width]
            var attention = softmax.call(qk.call(parts.select(0, 0), parts.select(0, 1).transpose(-2, -1)));
            return scope.MoveToOuter(proj.call(av.call(attention, parts.select(0, 2)).transpose(1, 2).flatten(2)));
        }
    }
}

using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reparameterization;

public sealed class ReparameterizationStageTests
{
    // In float32 a code that rounding flips is amplified by the layers behind it, so the whole network is compared in float64.
    [Theory]
    [InlineData(2, true, 0)]
    [InlineData(3, true, 0)]
    [InlineData(4, true, 0)]
    [InlineData(6, true, 0)]
    [InlineData(8, true, 0)]
    [InlineData(4, false, 0)]
    [InlineData(4, true, 5)]
    [InlineData(3, false, 5)]
    public void Run_WholeModelInFloat64_SameCodesAndOutput(int bits, bool qkvBias, int channelsWithoutGamma)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(3, Micro.Options with { QkvBias = qkvBias });
        WithoutGamma(model, channelsWithoutGamma);
        model.to(float64);
        var images = Micro.Images().to(float64);
        var codes = new List<Dictionary<string, Tensor>>();
        var outputs = new List<Tensor>();
        var granularities = new List<Granularity>();
        void Look(QuantizationContext context)
        {
            codes.Add(PostLayerNormCodes(context.Attachment, images));
            outputs.Add(Micro.Call(model, images).DetachFromDisposeScope());
            granularities.AddRange(context.Attachment.Bindings.Where(static binding => binding.Site.Role == SiteRole.PostLayerNorm).Select(static binding => binding.Quantizer.Granularity));
        }

        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, "before", StageNames.Reparameterization, "after"],
            [new ProbeStage("before", Look), new ProbeStage("after", Look)],
            options => options.ActivationBits = bits).Run(model, images);

        Assert.InRange(Micro.Distance(outputs[0], outputs[1]), 0, 1e-12);
        Assert.Equal(4, codes[0].Count);
        foreach (var (site, before) in codes[0])
        {
            // A channel without gamma carries no information: its codes may change, its contribution may not.
            var live = channelsWithoutGamma == 0 ? before : before.narrow(-1, channelsWithoutGamma, before.shape[^1] - channelsWithoutGamma);
            var after = codes[1][site];
            TensorAssert.Identical(live, channelsWithoutGamma == 0 ? after : after.narrow(-1, channelsWithoutGamma, before.shape[^1] - channelsWithoutGamma));
        }

        Assert.All(granularities.Take(4), static granularity => Assert.IsType<Granularity.PerChannel>(granularity));
        Assert.All(granularities.Skip(4), static granularity => Assert.IsType<Granularity.PerTensor>(granularity));
    }

    [Fact]
    public void Run_LayersWithoutBias_GainOneThatOutlivesTheRun()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit(3, Micro.Options with { QkvBias = false });
        var images = Micro.Images();

        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ).Run(model, images);

        Assert.All(model.Blocks, static block => Assert.NotNull(block.Attn.Qkv.bias));
        Assert.Contains(model.named_parameters(), static entry => entry.name == "blocks.1.attn.qkv.bias");
        Assert.True(quantized.Predict(images).isfinite().all().item<bool>());
    }

    [Fact]
    public void Run_OneReaderHasNoLayerNormBias_GainsOneAndLosesItWhenTheRunFails()
    {
        using var scope = NewDisposeScope();
        using var model = new TwoReaders(normBias: false);
        var images = Seeded.Normal(5, 40, 12);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var gained = false;

        Assert.Throws<InvalidOperationException>(() => Micro.Quantizer(
            [StageNames.ActivationCalibration, StageNames.Reparameterization, "fail"],
            [new ProbeStage("fail", context =>
            {
                gained = ((LayerNorm)context.Graph.Modules["norm"]).bias is not null;
                throw new InvalidOperationException("as planned");
            })]).Run(model, images));

        Assert.True(gained);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Run_SeveralReadersOfOneNorm_SameOutput(bool normBias)
    {
        using var scope = NewDisposeScope();
        using var model = new TwoReaders(normBias);
        model.to(float64);
        var images = Seeded.Normal(5, 40, 12).to(float64);
        var outputs = new List<Tensor>();
        var probe = new ProbeStage("look", _ => outputs.Add(Micro.Call(model, images).DetachFromDisposeScope()));

        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, "look", StageNames.Reparameterization, "look"], [probe], static options => options.Recipe = RecipeNames.Uniform).Run(model, images);

        Assert.InRange(Micro.Distance(outputs[0], outputs[1]), 0, 1e-12);
        Assert.Same(quantized.Attachment.Find("left:input")!.Quantizer, quantized.Attachment.Find("right:input")!.Quantizer);
    }

    [Fact]
    public void Run_ReaderThatNoHookShows_IsNotReparameterized()
    {
        using var scope = NewDisposeScope();
        using var model = new HiddenReader();
        var images = Seeded.Normal(5, 40, 12);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var quantizer = Micro.Quantizer(static options => options.Recipe = RecipeNames.RepQ);

        // Whoever insists is told.
        var run = new QuantizationRun { Trace = new TraceOptions { Roles = [new RoleDeclaration("linear", SiteOperand.Input, SiteRole.PostLayerNorm, "norm")] } };
        var error = Assert.Throws<QuantizationException>(() => quantizer.Run(model, images, run));
        Assert.Contains("does not hold", error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(model, parameters, images, output);

        using var quantized = quantizer.Run(model, images);
        Assert.IsType<Granularity.PerTensor>(quantized.Attachment.Find("linear:input")!.Quantizer.Granularity);
        TensorAssert.Identical(parameters["norm.weight"], model.named_parameters().First(static entry => entry.name == "norm.weight").parameter.detach());
    }

    // The stage looks at the float function as well: what the trace saw may not be what the model does by now.
    [Fact]
    public void Run_ModelThatReadsTheNormOtherwiseByNow_SaysSoAndRestores()
    {
        using var scope = NewDisposeScope();
        using var model = new HiddenReader { Hides = false };
        var images = Seeded.Normal(5, 40, 12);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        var quantizer = Micro.Quantizer(
            [StageNames.ActivationCalibration, "switch", StageNames.Reparameterization], [new ProbeStage("switch", _ => model.Hides = true)]);

        var error = Assert.Throws<QuantizationException>(() => quantizer.Run(model, images));

        Assert.Contains("the trace cannot see", error.Message, StringComparison.Ordinal);
        model.Hides = false;
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void Run_PerChannelQuantizerWithoutScale_NamesSiteAndScheme()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer(static options =>
        {
            options.Recipe = RecipeNames.RepQ;
            options.Overrides = [new SiteOverride { Pattern = "blocks.1.mlp.fc1", Operand = SiteOperand.Input, Scheme = "log2" }];
        }).Run(model, images));

        Assert.Contains("log2", error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(model, parameters, images, output);
    }

    private static void WithoutGamma(VisionTransformer model, int channels)
    {
        using var noGrad = no_grad();
        foreach (var norm in model.Blocks.SelectMany(static block => new[] { block.Norm1, block.Norm2 }).Where(_ => channels > 0))
        {
            norm.weight.narrow(0, 0, channels).zero_();
        }
    }

    private static Dictionary<string, Tensor> PostLayerNormCodes(GraphAttachment attachment, Tensor images)
    {
        var codes = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var removals = new List<Action>();
        foreach (var binding in attachment.Bindings.Where(static binding => binding.Site.Role == SiteRole.PostLayerNorm))
        {
            var norm = (LayerNorm)attachment.Graph.Modules[binding.Site.Producer!];
            removals.Add(norm.register_forward_hook((_, _, y) =>
            {
                codes[binding.Site.Id] = binding.Quantizer.Quantize(y).DetachFromDisposeScope();
                return y;
            }).remove);
        }

        Micro.Call(attachment.Graph.Forward, images);
        removals.ForEach(static remove => remove());
        return codes;
    }

    private sealed class TwoReaders : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm norm;
        private readonly Linear left;
        private readonly Linear right;

        public TwoReaders(bool normBias)
            : base(nameof(TwoReaders))
        {
            norm = nn.LayerNorm(12, bias: normBias);
            left = nn.Linear(12, 6);
            right = nn.Linear(12, 6, hasBias: false);
            RegisterComponents();
            Micro.Enliven(this, 7);
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = norm.call(input);
            return scope.MoveToOuter(left.call(x) * right.call(x));
        }
    }

    private sealed class HiddenReader : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm norm;
        private readonly Linear linear;

        public HiddenReader()
            : base(nameof(HiddenReader))
        {
            norm = nn.LayerNorm(12);
            linear = nn.Linear(12, 12);
            RegisterComponents();
            Micro.Enliven(this, 9);
        }

        public bool Hides { get; set; } = true;

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = norm.call(input);
            return scope.MoveToOuter(Hides ? x + linear.call(x) : linear.call(x));
        }
    }
}

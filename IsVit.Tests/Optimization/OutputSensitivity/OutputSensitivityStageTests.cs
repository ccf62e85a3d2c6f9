using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.OutputSensitivity;

public sealed class OutputSensitivityStageTests
{
    /// <summary>Of two linear layers the second one's weight is the derivative by what the first one gives.</summary>
    [Fact]
    public void Run_ValuesOfALinearModel_WeightsAreTheSquaresOfItsDerivatives()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 5)), ("second", nn.Linear(5, 3)));
        Micro.Enliven(model, 3);
        model.eval();

        var found = Measure(model, Seeded.Normal(4, 4000, 6), ["first", "second"], Values).Outputs;

        using var noGrad = no_grad();
        var squares = ((Linear)model[1]).weight!.pow(2).sum(0L);
        var wanted = squares / squares.mean();
        Assert.Equal([5], found["first"].shape);
        Assert.True((Uneven(found["first"]) / wanted - 1).abs().max().item<float>() < 0.1f);
        Assert.True((found["second"] - 1).abs().max().item<float>() < 0.1f);
    }

    /// <summary>The even half is even beside the channels' spread, and a channel that varies less than the median one counts as that does: what varies a hundred times as much counts ten thousand times less.</summary>
    [Fact]
    public void Run_ChannelsOfUnequalSize_TheEvenHalfCountsErrorsBesideTheirSpread()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 5)), ("second", nn.Linear(5, 3)));
        Micro.Enliven(model, 3);
        model.eval();
        using (no_grad())
        {
            var size = tensor([1f, 1, 100, 0.01f, 1]);
            ((Linear)model[0]).weight!.mul_(size.unsqueeze(1));
            ((Linear)model[0]).bias!.mul_(size);
            ((Linear)model[1]).weight!.div_(size);
        }

        var images = Seeded.Normal(4, 2000, 7, 6);
        var found = Measure(model, images, ["first", "second"], Values).Outputs["first"];

        using var noGrad = no_grad();
        var variances = ((Linear)model[0]).call(images).flatten(0, 1).var([0L], unbiased: false);
        var even = 1 / variances.maximum(variances.median());
        var squares = ((Linear)model[1]).weight!.pow(2).sum(0L);
        var wanted = ((squares / squares.mean()) + (even / even.mean())) / 2;
        Assert.Equal([7, 5], found.shape);
        Assert.True((found / wanted - 1).abs().max().item<float>() < 0.1f);
        Assert.InRange(found.select(1, 2).max().item<float>(), 0, 1e-3f);
    }

    /// <summary>The second derivative of the divergence of class probabilities by the logits is diag(p) - p p^T.</summary>
    [Fact]
    public void Run_ClassProbabilities_WeightsAreTheCurvatureOfTheirDivergence()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 5)), ("second", nn.Linear(5, 3)));
        Micro.Enliven(model, 3);
        model.eval();
        var images = Seeded.Normal(4, 8000, 6) * 2;

        var found = Measure(model, images, ["first", "second"]).Outputs;

        using var noGrad = no_grad();
        var p = nn.functional.softmax(model.call(images), 1);
        var metric = diag(p.mean([0L])) - (p.transpose(0, 1).matmul(p) / p.shape[0]);
        var weight = ((Linear)model[1]).weight!;
        var curvature = weight.transpose(0, 1).matmul(metric).matmul(weight).diagonal();
        Assert.True((Uneven(found["first"]) / (curvature / curvature.mean()) - 1).abs().max().item<float>() < 0.1f);
        Assert.True((Uneven(found["second"]) / (metric.diagonal() / metric.diagonal().mean()) - 1).abs().max().item<float>() < 0.1f);
    }

    [Fact]
    public void Run_OneOutput_IsNoChoiceOfClasses()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 5)), ("second", nn.Linear(5, 1)));
        Micro.Enliven(model, 3);
        model.eval();
        var images = Seeded.Normal(4, 40, 6);

        Micro.AssertSame(Measure(model, images, ["first", "second"], Values).Outputs, Measure(model, images, ["first", "second"]).Outputs);
    }

    /// <summary>A convolution's vectors are its places; a layer's vector weights are the means of its unit's weights where the layer is the unit.</summary>
    [Fact]
    public void Run_Layers_WeightsOfVectorsAreMeansOverTheirChannels()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("conv", nn.Conv2d(3, 4, 8, stride: 8)), ("flat", nn.Flatten(2, 3)), ("linear", nn.Linear(16, 6)), ("all", nn.Flatten()), ("head", nn.Linear(24, 5)));
        Micro.Enliven(model, 3);
        model.eval();

        var (outputs, vectors) = Measure(model, Micro.Images(), ["conv", "linear", "head"]);

        Assert.Equal(["conv", "head", "linear"], vectors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([16], vectors["conv"].shape);
        Assert.Equal([4], vectors["linear"].shape);
        Assert.Equal([1], vectors["head"].shape);
        Assert.True((vectors["conv"] - outputs["conv"].mean([0L]).flatten()).abs().max().item<float>() < 1e-5f);
        Assert.True((vectors["linear"] - outputs["linear"].mean([1L])).abs().max().item<float>() < 1e-5f);
        Assert.True(vectors["conv"].std().item<float>() > 0.1f);
    }

    [Fact]
    public void Run_LayerCalledTwiceAForward_ItsVectorsCountAllAlike()
    {
        using var scope = NewDisposeScope();
        using var shared = nn.Linear(6, 6);
        using var model = new Twice(shared);
        Micro.Enliven(model, 3);
        model.eval();
        var found = new OutputProbe("shared", shared, which: 0, imageAxis: 0, isUnit: true, isReader: true);
        var remove = found.Attach();
        var result = model.call(Seeded.Normal(4, 8, 6).requires_grad_(true));
        found.Add(autograd.grad([result.sum()], [found.Output!])[0], 8);
        remove();

        Assert.NotNull(found.Elements(1));
        Assert.Null(found.Vectors());
        found.Dispose();
    }

    [Fact]
    public void Run_VisionTransformer_OnlyTheClassTokenCountsBehindTheLastAttention()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var (found, vectors) = Measure(model, Micro.Images(), null);

        Assert.Equal(["blocks.0", "blocks.1", "head", "patch_embed"], found.Keys.Order(StringComparer.Ordinal));
        Assert.All(found.Values, static weights => Assert.Equal(1, weights.mean().item<float>(), 1e-4));
        Assert.Equal([17, 48], found["blocks.1"].shape);
        Assert.True((found["blocks.1"][0] > found["blocks.1"][1]).all().item<bool>());
        Assert.True(found["blocks.1"].narrow(0, 1, 16).eq(found["blocks.1"][1]).all().item<bool>());
        Assert.Equal(0.5, found["blocks.1"][1].mean().item<float>(), 1e-4);
        Assert.True(found["blocks.0"].narrow(0, 1, 16).min().item<float>() > 0);
        Assert.Equal(14, vectors.Count);
        Assert.All(vectors.Values, static weights => Assert.Equal(1, weights.mean().item<float>(), 1e-4));
        Assert.Equal(0, Uneven(vectors["blocks.1.mlp.fc1"]).narrow(0, 1, 16).abs().max().item<float>());
        Assert.Equal([4 * 17], vectors["blocks.1.attn.av"].shape);
        Assert.Equal(0, Uneven(vectors["blocks.1.attn.av"]).view(4, 17).narrow(1, 1, 16).abs().max().item<float>());
        Assert.True(vectors["blocks.1.attn.qk"].view(4, 17).select(1, 0).min().item<float>() > 1);
        Assert.True(vectors["blocks.1.attn.qkv"].min().item<float>() > 0);
    }

    [Fact]
    public void Run_TheFloatModelIsMeasured_AndNothingChanges()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var parameters = Micro.Copy(model);
        var before = Measure(model, Micro.Images(), null).Outputs;
        Micro.AssertSame(parameters, Micro.Copy(model));
        Assert.All(model.parameters(), static parameter => Assert.Null(parameter.grad));
        Assert.Empty(Hooks.Of(model));

        var after = Measure(model, Micro.Images(), null, static _ => { }, StageNames.ActivationCalibration, StageNames.ActivationReconstruction).Outputs;

        Micro.AssertSame(before, after);
    }

    [Fact]
    public void Run_AnotherSeed_OtherDraws()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var first = Measure(model, Micro.Images(), null, options => options.Seed = 1).Outputs;
        var again = Measure(model, Micro.Images(), null, options => options.Seed = 1).Outputs;
        var other = Measure(model, Micro.Images(), null, options => options.Seed = 2).Outputs;

        Micro.AssertSame(first, again);
        Assert.False(first["blocks.0"].Equals(other["blocks.0"]));
    }

    [Fact]
    public void Reconstruction_WeightsAllTwo_LossIsTwiceTheUnweightedOne()
    {
        using var scope = NewDisposeScope();
        double Loss(Action<QuantizationContext> weigh)
        {
            using var model = Micro.Vit();
            using var quantized = Micro.Quantizer(
                [StageNames.ActivationCalibration, "weigh", StageNames.ActivationReconstruction],
                [new ProbeStage("weigh", weigh)],
                static options => options.Reconstruction.Iterations = 0).Run(model, Micro.Images());
            return quantized.Report!.Units.Single(static unit => unit.Unit == "blocks.1").LossBefore;
        }

        var unweighted = Loss(static _ => { });
        var twice = Loss(static context => Weigh(context, full([17, 48], 2.0f)));
        var first = Loss(static context =>
        {
            var weights = zeros(17, 48);
            weights[0].fill_(1);
            Weigh(context, weights);
        });
        var others = Loss(static context =>
        {
            var weights = ones(17, 48);
            weights[0].fill_(0);
            Weigh(context, weights);
        });

        static void Weigh(QuantizationContext context, Tensor weights) =>
            context.Publish(new OutputImportance(new Dictionary<string, IReadOnlyList<Tensor?>> { ["blocks.1"] = [weights] }, new Dictionary<string, Tensor>()));

        Assert.Equal(2 * unweighted, twice, 1e-5 * unweighted);
        Assert.Equal(unweighted, first + others, 1e-5 * unweighted);
        Assert.True(first > 0);
    }

    [Fact]
    public void Run_DerivativeThatIsNoNumber_IsAnErrorThatNamesTheModule()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 5)), ("root", new RootOfNothing()));
        model.eval();

        var error = Assert.Throws<QuantizationException>(() => Measure(model, Seeded.Normal(4, 8, 6), ["first"], Values));

        Assert.Contains("by the outputs of 'first'", error.Message, StringComparison.Ordinal);
        Assert.Contains("NaN or an infinity", error.Message, StringComparison.Ordinal);
    }

    /// <summary>What was measured, without the half that is spread evenly.</summary>
    private static Tensor Uneven(Tensor weights) => (2 * weights) - 1;

    private static void Values(QuantizationOptions options) => options.OutputMetric = OutputMetric.Values;

    private static (Dictionary<string, Tensor> Outputs, Dictionary<string, Tensor> Vectors) Measure(
        nn.Module<Tensor, Tensor> model, Tensor images, IReadOnlyList<string>? units, Action<QuantizationOptions>? configure = null, params string[] before)
    {
        static Dictionary<string, Tensor> Copy(IEnumerable<(string Path, Tensor? Weights)> weights) => weights.Where(static entry => entry.Weights is not null)
            .ToDictionary(static entry => entry.Path, static entry => entry.Weights!.clone().DetachFromDisposeScope(), StringComparer.Ordinal);
        var (outputs, vectors) = (new Dictionary<string, Tensor>(), new Dictionary<string, Tensor>());
        var probe = new ProbeStage("probe", context => (outputs, vectors) = (
            Copy(context.Importance.Units.Select(static entry => (entry.Key, entry.Value.Single()))),
            Copy(context.Importance.Layers.Select(static entry => (entry.Key, (Tensor?)entry.Value)))));
        var parameters = Micro.Copy(model);
        var run = new QuantizationRun { Trace = units is null ? new TraceOptions() : new TraceOptions { Units = [.. units] } };
        using (var quantized = Micro.Quantizer([.. before, StageNames.OutputSensitivity, "probe"], [probe], options =>
        {
            options.Calibration.StatisticsImageCount = (int)images.shape[0];
            configure?.Invoke(options);
        }).Quantize(model, images, run, TestContext.Current.CancellationToken))
        {
        }

        using var noGrad = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            parameter.copy_(parameters[name]);
        }

        return (outputs, vectors);
    }

    private sealed class RootOfNothing() : nn.Module<Tensor, Tensor>(nameof(RootOfNothing))
    {
        public override Tensor forward(Tensor input) => (input * 0).sqrt();
    }

    private sealed class Twice : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> _shared;

        public Twice(nn.Module<Tensor, Tensor> shared)
            : base(nameof(Twice))
        {
            _shared = shared;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => _shared.call(_shared.call(x));
    }
}

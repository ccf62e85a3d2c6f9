using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Stages;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.OutputSensitivity;

public sealed class OutputSensitivityStageTests
{
    /// <summary>Of two linear layers the second one's weight is the derivative by what the first one gives.</summary>
    [Fact]
    public void Run_LinearModel_WeightsAreTheSquaresOfItsDerivatives()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 5)), ("second", nn.Linear(5, 3)));
        Micro.Enliven(model, 3);
        model.eval();

        var found = Measure(model, Seeded.Normal(4, 4000, 6), 4000, ["first", "second"]);

        using var noGrad = no_grad();
        var squares = ((Linear)model[1]).weight!.pow(2).sum(0L);
        var wanted = squares / squares.mean();
        Assert.Equal([5], found["first"].shape);
        Assert.True((found["first"] / wanted - 1).abs().max().item<float>() < 0.1f);
        Assert.True((found["second"] - 1).abs().max().item<float>() < 0.1f);
    }

    [Fact]
    public void Run_VisionTransformer_OnlyTheClassTokenCountsBehindTheLastAttention()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var found = Measure(model, Micro.Images(), Micro.ImageCount, null);

        Assert.Equal(["blocks.0", "blocks.1", "head", "patch_embed"], found.Keys.Order(StringComparer.Ordinal));
        Assert.All(found.Values, static weights => Assert.Equal(1, weights.mean().item<float>(), 1e-4));
        Assert.Equal([17, 48], found["blocks.1"].shape);
        Assert.True(found["blocks.1"][0].min().item<float>() > 0);
        Assert.Equal(0, found["blocks.1"].narrow(0, 1, 16).abs().max().item<float>());
        Assert.True(found["blocks.0"].narrow(0, 1, 16).min().item<float>() > 0);
    }

    [Fact]
    public void Run_TheFloatModelIsMeasured_AndNothingChanges()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var parameters = Micro.Copy(model);
        var before = Measure(model, Micro.Images(), Micro.ImageCount, null);
        Micro.AssertSame(parameters, Micro.Copy(model));
        Assert.All(model.parameters(), static parameter => Assert.Null(parameter.grad));
        Assert.Empty(Hooks.Of(model));

        var after = Measure(model, Micro.Images(), Micro.ImageCount, null, StageNames.ActivationCalibration, StageNames.ActivationReconstruction);

        Micro.AssertSame(before, after);
    }

    [Fact]
    public void Run_AnotherSeed_OtherDraws()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var first = Measure(model, Micro.Images(), Micro.ImageCount, null, options => options.Seed = 1);
        var again = Measure(model, Micro.Images(), Micro.ImageCount, null, options => options.Seed = 1);
        var other = Measure(model, Micro.Images(), Micro.ImageCount, null, options => options.Seed = 2);

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
        var twice = Loss(static context => context.OutputWeights = new Dictionary<string, Tensor> { ["blocks.1"] = full([17, 48], 2.0f) });
        var first = Loss(static context =>
        {
            var weights = zeros(17, 48);
            weights[0].fill_(1);
            context.OutputWeights = new Dictionary<string, Tensor> { ["blocks.1"] = weights };
        });
        var others = Loss(static context =>
        {
            var weights = ones(17, 48);
            weights[0].fill_(0);
            context.OutputWeights = new Dictionary<string, Tensor> { ["blocks.1"] = weights };
        });

        Assert.Equal(2 * unweighted, twice, 1e-5 * unweighted);
        Assert.Equal(unweighted, first + others, 1e-5 * unweighted);
        Assert.True(first > 0);
    }

    [Fact]
    public void Run_InfiniteDerivative_IsAnErrorThatNamesTheUnit()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using (no_grad())
        {
            model.Norm.weight!.fill_(1e30f);
            model.Head.weight!.fill_(1e30f);
        }

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer([StageNames.OutputSensitivity], []).Run(model, Micro.Images()));

        Assert.Contains("unit 'patch_embed'", error.Message, StringComparison.Ordinal);
        Assert.Contains("NaN or an infinity", error.Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, Tensor> Measure(nn.Module<Tensor, Tensor> model, Tensor images, int count, IReadOnlyList<string>? units, params string[] before) =>
        Measure(model, images, count, units, static _ => { }, before);

    private static Dictionary<string, Tensor> Measure(
        nn.Module<Tensor, Tensor> model, Tensor images, int count, IReadOnlyList<string>? units, Action<QuantizationOptions> configure, params string[] before)
    {
        var found = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var probe = new ProbeStage("probe", context =>
        {
            foreach (var (unit, weights) in context.OutputWeights)
            {
                found[unit] = weights.clone().DetachFromDisposeScope();
            }
        });
        var parameters = Micro.Copy(model);
        var run = new QuantizationRun { Trace = units is null ? new TraceOptions() : new TraceOptions { Units = [.. units] } };
        using (var quantized = Micro.Quantizer([.. before, StageNames.OutputSensitivity, "probe"], [probe], options =>
        {
            options.Calibration.ImageCount = count;
            configure(options);
        }).Quantize(model, images, run, TestContext.Current.CancellationToken))
        {
        }

        using var noGrad = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            parameter.copy_(parameters[name]);
        }

        return found;
    }
}

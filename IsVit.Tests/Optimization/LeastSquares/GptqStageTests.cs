using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.LeastSquares;

public sealed class GptqStageTests
{
    private static readonly string[] s_quantize = [StageNames.ActivationCalibration, StageNames.WeightCalibration];
    private static readonly string[] s_compensate = [.. s_quantize, StageNames.Gptq];

    [Fact]
    public void Run_OutputsOfOtherImages_AreNearerTheFloatModelsThanWithTheNearestCodes()
    {
        var nearest = Micro.OutputError([.. s_quantize, StageNames.BiasCorrection], W3A8);
        var compensated = Micro.OutputError([.. s_compensate, StageNames.BiasCorrection], W3A8);

        Assert.True(compensated < 0.85 * nearest, $"{compensated} against {nearest}.");
    }

    /// <summary>Where one vector of each image counts alone, weights are what they are without the others.</summary>
    [Fact]
    public void Run_VectorsOfUnequalWeight_ErrorsCountByThem()
    {
        using var scope = NewDisposeScope();
        Tensor Second(Tensor images, params float[] weights)
        {
            using var model = nn.Sequential(("first", nn.Linear(6, 12)), ("second", nn.Linear(12, 10)));
            Micro.Enliven(model, 5);
            model.eval();
            var found = zeros(10, 12);
            var weigh = new ProbeStage("weigh", context => context.Publish(new OutputImportance(new Dictionary<string, IReadOnlyList<Tensor?>>(), new Dictionary<string, Tensor> { ["second"] = tensor(weights) })));
            var look = new ProbeStage("look", context => found.copy_(((Linear)context.Graph.Modules["second"]).weight!));
            using var quantized = Micro.Quantizer([.. s_quantize, "weigh", StageNames.Gptq, "look"], [weigh, look], static options =>
            {
                W3A8(options);
                options.Overrides.Add(new SiteOverride { Pattern = "**", Operand = SiteOperand.Input, Quantize = false });
                options.Overrides.Add(new SiteOverride { Pattern = "first", Quantize = false });
            }).Quantize(model, images, new QuantizationRun { Trace = new TraceOptions { Units = ["first", "second"] } }, TestContext.Current.CancellationToken);
            return found;
        }

        // The vectors of each place are mixtures of their own.
        var images = stack([.. Enumerable.Range(0, 3).Select(static place => Seeded.Normal(place, 200, 2).matmul(Seeded.Normal(10 + place, 2, 6)))], 1);

        var alone = Second(images.narrow(1, 1, 1), 1);

        Assert.True((Second(images, 0, 3, 0) - alone).abs().max().item<float>() < 1e-5f);
        Assert.True((Second(images, 1, 1, 1) - alone).abs().max().item<float>() > 1e-2f);
    }

    /// <summary>An input much larger than the others: levels lie where the weights are that multiply it, which the outputs owe most to.</summary>
    [Fact]
    public void Run_InputsOfUnequalSize_LevelsFollowTheirWeights()
    {
        using var scope = NewDisposeScope();
        double[] ErrorsOf(params string[] stages)
        {
            using var model = nn.Sequential(("first", nn.Identity()), ("second", nn.Linear(24, 10)));
            Micro.Enliven(model, 5);
            model.eval();
            var weight = ((Linear)model.children().Last()).weight!.detach().clone();
            var error = zeros(0);
            var look = new ProbeStage("look", context => error = (context.Attachment.Find("second:weight")!.Quantizer.FakeQuantize(weight) - weight).square().mean([0L]).DetachFromDisposeScope());
            using var quantized = Micro.Quantizer([.. stages, "look"], [look], static options =>
            {
                options.WeightBits = 2;
                options.Overrides.Add(new SiteOverride { Pattern = "**", Operand = SiteOperand.Input, Quantize = false });
            }).Quantize(model, Seeded.Normal(1, 400, 24) * where(arange(24) == 5, 50f, 1f), new QuantizationRun { Trace = new TraceOptions { Units = ["second"] } }, TestContext.Current.CancellationToken);
            return Array.ConvertAll(error.data<float>().ToArray(), static value => (double)value);
        }

        var nearest = ErrorsOf(s_quantize);
        var weighed = ErrorsOf(s_compensate);

        Assert.InRange(weighed[5] / nearest[5], 0, 0.05);
        Assert.InRange(weighed.Average() / nearest.Average(), 1, 3);
    }

    [Fact]
    public void Run_NothingElseThanQuantizedWeights_Changes()
    {
        using var scope = NewDisposeScope();
        using var plain = Micro.Vit();
        using var compensated = Micro.Vit();
        var images = Micro.Images();
        static void HeadInFloat(QuantizationOptions options)
        {
            W3A8(options);
            options.Overrides.Add(new SiteOverride { Pattern = "head", Operand = SiteOperand.Weight, Quantize = false });
        }

        using var before = Micro.Quantizer(s_quantize, [], HeadInFloat).Run(plain, images);
        using var after = Micro.Quantizer(s_compensate, [], HeadInFloat).Run(compensated, images);

        var (expected, actual) = (Micro.Copy(plain), Micro.Copy(compensated));
        foreach (var (name, value) in expected)
        {
            var isWeight = value.dim() is 2 or 4 && name.EndsWith(".weight", StringComparison.Ordinal) && name != "head.weight";
            Assert.Equal(!isWeight, value.Equals(actual[name]));
        }
    }

    [Fact]
    public void Run_Weights_StayFloatNumbersForReconstructionToGoOnFrom()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var onGrid = new List<double>();
        var probe = new ProbeStage("probe", context => onGrid.AddRange(context.Attachment.Bindings.Where(static binding => binding.IsWeight).Select(site =>
        {
            using var weight = SiteWeights.Get(context.Graph, site.Site).detach();
            return site.Quantizer.FakeQuantize(weight).eq(weight).to(float64).mean().item<double>();
        })));

        using var quantized = Micro.Quantizer([.. s_compensate, "probe"], [probe], W3A8).Run(model, Micro.Images());

        Assert.Equal(10, onGrid.Count);
        Assert.All(onGrid, static share => Assert.True(share < 0.05, $"{share} of the weights are grid points."));
    }

    [Fact]
    public void Run_GroupedConvolution_KeepsItsWeight()
    {
        using var scope = NewDisposeScope();
        using var grouped = nn.Conv2d(4, 8, 3, padding: 1, groups: 2);
        using var ungrouped = nn.Conv2d(3, 4, 3, padding: 1, stride: 2);
        using var model = nn.Sequential(("first", ungrouped), ("second", grouped));
        Micro.Enliven(model, 1);
        model.eval();
        var before = Micro.Copy(model);
        var found = new Dictionary<string, Tensor>();
        var probe = new ProbeStage("probe", context => found = Micro.Copy(context.Graph.Model));

        using var quantized = Micro.Quantizer([.. s_compensate, "probe"], [probe], W3A8).Quantize(
            model, Micro.Images(), new QuantizationRun { Trace = new TraceOptions { Units = ["first", "second"] } }, TestContext.Current.CancellationToken);

        Assert.False(before["first.weight"].Equals(found["first.weight"]));
        Assert.True(before["second.weight"].Equals(found["second.weight"]));
    }

    [Fact]
    public void Run_InputsThatAreConstant_LeaveTheWeight()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using (no_grad())
        {
            model.Norm.weight!.zero_();
        }

        var before = Micro.Copy(model);
        var found = new Dictionary<string, Tensor>();
        var probe = new ProbeStage("probe", context => found = Micro.Copy(context.Graph.Model));

        using var quantized = Micro.Quantizer([.. s_compensate, "probe"], [probe], W3A8).Run(model, Micro.Images());

        Assert.True(before["head.weight"].Equals(found["head.weight"]));
        Assert.False(before["blocks.0.attn.qkv.weight"].Equals(found["blocks.0.attn.qkv.weight"]));
    }

    [Fact]
    public void Run_InfiniteActivation_IsAnErrorThatNamesTheLayer()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var breaking = new ProbeStage("break", static context =>
        {
            using var noGrad = no_grad();
            ((Linear)context.Graph.Modules["blocks.0.attn.proj"]).bias!.fill_(float.PositiveInfinity);
        });

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer([.. s_quantize, "break", StageNames.Gptq], [breaking], W3A8).Run(model, Micro.Images()));

        Assert.Contains("'blocks.0.mlp.fc1'", error.Message, StringComparison.Ordinal);
        Assert.Contains("NaN or an infinity", error.Message, StringComparison.Ordinal);
    }

    private static void W3A8(QuantizationOptions options) => (options.Recipe, options.WeightBits, options.ActivationBits) = (RecipeNames.Uniform, 3, 8);
}

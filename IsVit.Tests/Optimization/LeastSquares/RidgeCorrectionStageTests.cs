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

public sealed class RidgeCorrectionStageTests
{
    private static readonly string[] s_compensate = [StageNames.ActivationCalibration, StageNames.RidgeCorrection];

    [Fact]
    public void Run_OutputsOfOtherImages_AreNearerTheFloatModels()
    {
        var before = Micro.OutputError([StageNames.ActivationCalibration], W8A3, imageCount: 200);
        var after = Micro.OutputError(s_compensate, W8A3, imageCount: 200);

        Assert.True(after < 0.95 * before, $"{after} against {before}.");
    }

    /// <summary>The answer of ridge regression, solved here from the inputs themselves.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Run_Layer_IsTheRidgeRegressionOfItsOutputsOnQuantizedInputs(bool hasBias)
    {
        using var scope = NewDisposeScope();
        using var model = TwoLayers(hasBias);
        var images = Seeded.Normal(4, 300, 6) + 0.5;
        var (first, second) = ((Linear)model[0], (Linear)model[1]);
        var inputs = Micro.Call(first, images);
        var y = Micro.Call(second, inputs).to(float64);
        var (firstBefore, before) = (first.weight!.detach().clone(), second.weight!.detach().clone().to(float64));
        var x = zeros_like(inputs, float64);
        var probe = new ProbeStage("probe", context => x.copy_(context.Attachment.Bindings.Single(static site => site.Site.Id == "second:input").Quantizer.FakeQuantize(inputs)));

        using var quantized = Quantize(model, images, [StageNames.ActivationCalibration, "probe", StageNames.RidgeCorrection], probe);

        var (mx, my) = (x.mean([0L], keepdim: true), y.mean([0L], keepdim: true));
        var (cx, cy) = hasBias ? (x - mx, y - my) : (x, y);
        var products = cx.transpose(0, 1).matmul(cx) / 300;
        var damping = products.diagonal().mean() * (0.05 + (6 / 300.0));
        var damped = products + (eye(6, dtype: float64) * damping);
        var wanted = linalg.solve(damped, (cx.transpose(0, 1).matmul(cy) / 300) + (before.transpose(0, 1) * damping)).transpose(0, 1);
        Assert.True((second.weight!.to(float64) - wanted).abs().max().item<double>() < 1e-5);
        Assert.True((before - wanted).abs().max().item<double>() > 1e-3);
        Assert.True(first.weight!.Equals(firstBefore));
        if (hasBias)
        {
            Assert.True((second.bias!.to(float64) - (my - mx.matmul(wanted.transpose(0, 1))).flatten()).abs().max().item<double>() < 1e-5);
        }
    }

    [Fact]
    public void Run_InputsThatLoseNothing_WeightsStay()
    {
        using var scope = NewDisposeScope();
        using var model = TwoLayers(hasBias: true);
        using (no_grad())
        {
            ((Linear)model[0]).weight!.copy_(eye(6));
            ((Linear)model[0]).bias!.zero_();
        }

        var before = Micro.Copy(model);

        // Sixteen whole numbers are the sixteen levels.
        using var quantized = Quantize(model, Seeded.Normal(4, 300, 6).mul(4).round().clamp(-7, 8), s_compensate);

        Assert.All(Micro.Copy(model), entry => Assert.True((entry.Value - before[entry.Key]).abs().max().item<float>() < 1e-5f, entry.Key));
    }

    [Fact]
    public void Run_NothingElseThanLayersWithQuantizedInputs_Changes()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var before = Micro.Copy(model);

        using var quantized = Micro.Quantizer(s_compensate, [], static options =>
        {
            W8A3(options);
            options.Overrides.Add(new SiteOverride { Pattern = "head", Operand = SiteOperand.Input, Quantize = false });
        }).Run(model, Micro.Images());

        foreach (var (name, value) in Micro.Copy(model))
        {
            var isMoved = name.StartsWith("blocks.", StringComparison.Ordinal) && !name.Contains("norm", StringComparison.Ordinal);
            Assert.True(isMoved != value.Equals(before[name]), name);
        }
    }

    /// <summary>Each layer answers to the float model's inputs, not to what the layers before it have become.</summary>
    [Fact]
    public void Run_LastBlock_IsTheSameWhetherTheFirstIsQuantizedOrNot()
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> LastBlock(bool first)
        {
            using var model = Micro.Vit();
            var found = new Dictionary<string, Tensor>();
            using var quantized = Micro.Quantizer([.. s_compensate, "probe"], [new ProbeStage("probe", context => found = Micro.Copy(context.Graph.Model))], options =>
            {
                W8A3(options);
                options.Calibration.Input = CalibrationInput.Full;
                if (!first)
                {
                    options.Overrides.Add(new SiteOverride { Pattern = "blocks.0.**", Quantize = false });
                }
            }).Run(model, Micro.Images());
            return found.Where(static entry => entry.Key.StartsWith("blocks.1.", StringComparison.Ordinal)).ToDictionary();
        }

        Micro.AssertSame(LastBlock(first: true), LastBlock(first: false));
    }

    /// <summary>What is infinite before it is quantized is the largest number afterwards.</summary>
    [Theory]
    [InlineData("blocks.1.norm2.weight", float.PositiveInfinity, "Layer 'blocks.1.mlp.fc1' gave a NaN or an infinity as output")]
    [InlineData("blocks.1.norm2.weight", float.NaN, "Layer 'blocks.1.mlp.fc1' got a NaN or an infinity as input")]
    public void Run_NumbersThatAreNotFinite_AreAnErrorThatNamesTheLayer(string parameter, float spoiled, string message)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var probe = new ProbeStage("spoil", context =>
        {
            using var noGrad = no_grad();
            context.FloatParameters.Values[parameter].fill_(spoiled);
        });

        var error = Assert.Throws<QuantizationException>(() =>
            Micro.Quantizer([StageNames.ActivationCalibration, "spoil", StageNames.RidgeCorrection], [probe], W8A3).Run(model, Micro.Images()));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static Sequential TwoLayers(bool hasBias)
    {
        var model = nn.Sequential(("first", nn.Linear(6, 6, hasBias: hasBias)), ("second", nn.Linear(6, 5, hasBias: hasBias)));
        Micro.Enliven(model, 3);
        model.eval();
        return model;
    }

    private static QuantizedModel Quantize(nn.Module<Tensor, Tensor> model, Tensor images, IReadOnlyList<string> stages, params IQuantizationStage[] own) => Micro
        .Quantizer(stages, own, static options =>
        {
            options.ActivationBits = 4;
            options.Calibration.StatisticsImageCount = 300;
        })
        .Quantize(model, images, new QuantizationRun { Trace = new TraceOptions { Units = ["first", "second"] } }, TestContext.Current.CancellationToken);

    private static void W8A3(QuantizationOptions options) => (options.WeightBits, options.ActivationBits) = (8, 3);
}

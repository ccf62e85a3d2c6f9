using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputTuning;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.OutputTuning;

public sealed class OutputTuningStageTests
{
    private const double HeldOutShare = 0.25;

    private static readonly string[] s_quantized = [StageNames.ActivationCalibration, StageNames.Reparameterization, StageNames.WeightCalibration];

    [Theory]
    [InlineData(OutputMetric.ClassProbabilities, true)]
    [InlineData(OutputMetric.ClassProbabilities, false)]
    [InlineData(OutputMetric.Values, true)]
    public void Run_QuantizedModel_ComesNearerToTheFloatOneOnOtherImages(OutputMetric metric, bool freshViews)
    {
        using var scope = NewDisposeScope();
        var others = Micro.Images(seed: 500, count: 64);
        double Divergence(int steps, int seed)
        {
            using var model = Micro.Vit(seed);
            var wanted = nn.functional.log_softmax(Micro.Call(model, others), 1);
            using var quantized = Quantizer(options =>
            {
                options.OutputMetric = metric;
                options.OutputTuning = new() { Steps = steps, LearningRate = 1e-2, FreshViews = freshViews };
            }).Run(model, Micro.Images());
            return (wanted.exp() * (wanted - nn.functional.log_softmax(quantized.Predict(others), 1))).sum(1).mean().item<float>();
        }

        // Of one model's training roundings decide more than a tenth.
        int[] seeds = [2, 3];
        Assert.InRange(seeds.Sum(seed => Divergence(40, seed)) / seeds.Sum(seed => Divergence(0, seed)), 0, 0.9);
    }

    [Fact]
    public void Run_Parameters_OnlyVectorsMoveAndQuantizersStay()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var (before, after, quantizers) = (new Dictionary<string, Tensor>(), new Dictionary<string, Tensor>(), new List<string>());
        ProbeStage Look(string name, Action<Dictionary<string, Tensor>> keep) => new(name, context =>
        {
            keep(Micro.Copy(model));
            quantizers.Add(string.Join(' ', context.Attachment.Bindings.SelectMany(static binding => binding.Quantizer.ExportParameters().Values.SelectMany(static entry => entry.Value))));
        });

        using var quantized = Micro.Quantizer(
            [.. s_quantized, "before", StageNames.OutputTuning, "after"],
            [Look("before", copy => before = copy), Look("after", copy => after = copy)],
            static options => (options.WeightBits, options.OutputTuning, options.Reconstruction.HeldOutShare) = (2, new() { Steps = 12, LearningRate = 1e-2 }, HeldOutShare)).Run(model, Micro.Images());

        var moved = before.Where(entry => !entry.Value.Equals(after[entry.Key])).Select(static entry => entry.Key).ToList();
        Assert.Equal(before.Where(static entry => entry.Value.dim() == 1).Select(static entry => entry.Key).Order(StringComparer.Ordinal), moved.Order(StringComparer.Ordinal));
        Assert.Equal(quantizers[0], quantizers[1]);
        Assert.All(model.parameters(), static parameter => Assert.Null(parameter.grad));
        var result = Assert.Single(quantized.Report!.Units);
        Assert.Equal((OutputTuningStage.WholeModel, StageNames.OutputTuning, 12, StopReason.Completed), (result.Unit, result.Stage, result.Iterations, result.StopReason));
        Assert.True(result.LossAfter < result.LossBefore);
    }

    [Theory]
    [InlineData(1e3, false)]
    [InlineData(1e30, true)]
    public void Run_AbsurdLearningRate_KeepsTheStateBefore(double rate, bool diverges)
    {
        using var scope = NewDisposeScope();
        using var tuned = Micro.Vit();
        using var plain = Micro.Vit();
        var images = Micro.Images();
        using var wanted = Quantizer(static options => options.OutputTuning.Steps = 0).Run(plain, images);

        using var quantized = Quantizer(options => options.OutputTuning = new() { Steps = 8, LearningRate = rate }).Run(tuned, images);

        var result = Assert.Single(quantized.Report!.Units);
        Assert.Equal(result.LossBefore, result.LossAfter);
        Assert.Equal(diverges ? StopReason.Diverged : StopReason.Completed, result.StopReason);
        Micro.AssertSame(Micro.Copy(plain), Micro.Copy(tuned));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(17)]
    public void Run_FewImages_Serve(int count)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        using var quantized = Quantizer(static options => options.OutputTuning.Steps = 3).Run(model, Micro.Images(count: count));

        Assert.Equal(3, Assert.Single(quantized.Report!.Units).Iterations);
    }

    [Fact]
    public void Run_SameSeed_SameModel()
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> Tuned(int seed)
        {
            using var model = Micro.Vit();
            using var quantized = Quantizer(options => (options.Seed, options.OutputTuning.Steps) = (seed, 5)).Run(model, Micro.Images());
            return Micro.Copy(model);
        }

        var first = Tuned(1);
        Micro.AssertSame(first, Tuned(1));
        Assert.False(first["blocks.0.norm1.bias"].Equals(Tuned(2)["blocks.0.norm1.bias"]));
    }

    [Fact]
    public void Run_Cancelled_LeavesTheFloatModel()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        using var source = new CancellationTokenSource();
        var progress = new RecordingProgress(report =>
        {
            if (report.Stage == StageNames.OutputTuning && report.Iteration == 2)
            {
                source.Cancel();
            }
        });

        Assert.Throws<OperationCanceledException>(() => Quantizer(static options => options.OutputTuning.Steps = 50).Quantize(model, images, new QuantizationRun { Progress = progress }, source.Token));

        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void Validate_OptionsOutOfRange_AreNamed()
    {
        static string Message(Action<QuantizationOptions> change)
        {
            var options = new QuantizationOptions();
            change(options);
            return Assert.Throws<OptionsException>(options.Validate).Message;
        }

        Assert.Equal("OutputTuning.Steps is -1; allowed is 0 to 2147483647.", Message(static options => options.OutputTuning.Steps = -1));
        Assert.Equal("OutputTuning.LearningRate is 0; allowed is any positive number.", Message(static options => options.OutputTuning.LearningRate = 0));
        Assert.Contains("OutputTuning", Message(static options => options.OutputTuning = null!), StringComparison.Ordinal);
    }

    private static ModelQuantizer Quantizer(Action<QuantizationOptions> configure) => Micro.Quantizer([.. s_quantized, StageNames.OutputTuning], [], options =>
    {
        (options.WeightBits, options.ActivationBits, options.Reconstruction.HeldOutShare) = (2, 4, HeldOutShare);
        configure(options);
    });
}

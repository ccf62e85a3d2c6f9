using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

/// <summary>Units that are trained for the model's outputs as well.</summary>
public sealed class UnitOutputLossTests
{
    private const double Share = 0.25;
    private const double Weight = 0.5;

    private readonly List<Action> _hooks = [];

    // By hand: the float model, in which the unit, and in stage 3 what runs before it, is the quantized model's.
    [Theory]
    [InlineData(StageNames.ActivationReconstruction, 0)]
    [InlineData(StageNames.ActivationReconstruction, 1)]
    [InlineData(StageNames.WeightReconstruction, 0)]
    [InlineData(StageNames.WeightReconstruction, 1)]
    public void Run_OutputWeight_ReportsBothErrorsInUnitsOfTheirFirst(string stage, int block)
    {
        using var scope = NewDisposeScope();
        using var original = Micro.Vit();
        using var begun = Micro.Vit();
        using var trained = Micro.Vit();
        var images = Micro.Images();
        var heldOut = tensor(Array.ConvertAll(CalibrationSplit.Of((int)images.shape[0], Share, 0).HeldOut, static image => (long)image));
        using var before = Quantize(begun, images, stage, options => options.Reconstruction.Iterations = 0);
        using var after = Quantize(trained, images, stage);

        var (first, last) = (Errors(begun), Errors(trained));
        var expected = (last.Own / first.Own) + (Weight * last.Outputs / first.Outputs);
        var found = after.Report!.Units.Single(result => result.Unit == $"blocks.{block}");
        Assert.Equal(1 + Weight, found.LossBefore, 1e-9);
        Assert.InRange(found.LossAfter, expected * (1 - 1e-4), expected * (1 + 1e-4));
        Assert.InRange(found.LossAfter, 0, found.LossBefore * 0.995);

        (double Own, double Outputs) Errors(VisionTransformer model)
        {
            using var noGrad = no_grad();
            var wanted = Of(original);
            var prefix = stage == StageNames.ActivationReconstruction ? 0 : block + 1;
            if (prefix > 0)
            {
                Replace(original.PatchEmbed, trained.PatchEmbed);
            }

            for (var i = 0; i < prefix - 1; i++)
            {
                Replace(original.Blocks[i], trained.Blocks[i]);
            }

            Replace(original.Blocks[block], model.Blocks[block]);
            var found = Of(original);
            _hooks.ForEach(static remove => remove());
            _hooks.Clear();
            var logarithms = nn.functional.log_softmax(wanted.Outputs, 1);
            var divergence = (logarithms.exp() * (logarithms - nn.functional.log_softmax(found.Outputs, 1))).sum(1).mean();
            return ((found.Own - wanted.Own).pow(2).sum().item<double>(), (divergence + (found.Outputs - wanted.Outputs).pow(2).mean()).item<double>());
        }

        (Tensor Own, Tensor Outputs) Of(VisionTransformer model)
        {
            var own = default(Tensor);
            var hook = model.Blocks[block].register_forward_hook((_, _, y) =>
            {
                own = y.to(float64).index_select(0, heldOut).DetachFromDisposeScope();
                return y;
            });
            var outputs = model.call(images).to(float64).index_select(0, heldOut);
            hook.remove();
            return (own!, outputs);
        }
    }

    [Fact]
    public void Run_OutputWeight_OutputsOfTheFloatRestAreCloser()
    {
        using var scope = NewDisposeScope();
        double Error(double weight)
        {
            using var model = Micro.Vit();
            var images = Micro.Images();
            var wanted = Micro.Call(model, images);
            using var quantized = Quantize(model, images, StageNames.ActivationReconstruction, options =>
            {
                options.Reconstruction.OutputWeight = weight;
                options.Reconstruction.Iterations = 40;
                options.Reconstruction.HeldOutShare = 0;
            });
            foreach (var binding in quantized.Attachment.Bindings.Where(static binding => !binding.Site.Path.StartsWith("blocks.0", StringComparison.Ordinal)))
            {
                binding.State = SiteState.Off;
            }

            return (Micro.Call(model, images) - wanted).pow(2).mean().item<float>();
        }

        Assert.InRange(Error(100), 0, Error(0) * 0.9);
    }

    [Fact]
    public void Run_OutputWeight_LeavesOtherUnitsAndStatesAsTheyWere()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using var plain = Micro.Vit();
        var images = Micro.Images();
        using var weighted = Quantize(model, images, StageNames.WeightReconstruction, static options => options.Reconstruction.LearningRate = 1e-12);
        using var unweighted = Quantize(plain, images, StageNames.WeightReconstruction, static options => (options.Reconstruction.OutputWeight, options.Reconstruction.LearningRate) = (0, 1e-12));

        TensorAssert.Close(Micro.Call(plain, images), Micro.Call(model, images), new Tolerance(1e-4, 1e-4));
        Assert.All(weighted.Attachment.Bindings.Where(static binding => !binding.IsWeight), static binding => Assert.Equal(SiteState.Quantized, binding.State));
    }

    [Fact]
    public void Run_OutputWeight_LeavesNoTensor()
    {
        using var scope = NewDisposeScope();
        var images = Micro.Images();
        LiveTensors.AssertNoneLeftBy(() =>
        {
            using var model = Micro.Vit();
            using var quantized = Quantize(model, images, StageNames.ActivationReconstruction);
        });
    }

    [Theory]
    [InlineData(-0.5)]
    [InlineData(double.NaN)]
    public void Create_OutputWeightOutOfRange_NamesIt(double weight) => Assert.Contains(
        "Reconstruction.OutputWeight",
        Assert.Throws<OptionsException>(() => ModelQuantizer.Create(options => options.Reconstruction.OutputWeight = weight)).Message,
        StringComparison.Ordinal);

    private void Replace(torch.nn.Module<Tensor, Tensor> module, torch.nn.Module<Tensor, Tensor> replacement) =>
        _hooks.Add(module.register_forward_hook((_, x, _) => replacement.call(x)).remove);

    private static QuantizedModel Quantize(VisionTransformer model, Tensor images, string stage, Action<QuantizationOptions>? configure = null)
    {
        string[] weights = stage == StageNames.WeightReconstruction ? [StageNames.WeightCalibration] : [];
        return Micro.Quantizer([StageNames.ActivationCalibration, .. weights, stage], [], options =>
        {
            (options.WeightBits, options.ActivationBits) = (3, 3);
            (options.Reconstruction.OutputWeight, options.Reconstruction.HeldOutShare) = (Weight, Share);
            configure?.Invoke(options);
        }).Run(model, images);
    }
}

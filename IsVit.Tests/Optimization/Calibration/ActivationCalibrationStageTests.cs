using IsVit.Core.Graph;
using IsVit.Optimization;
using IsVit.Optimization.Calibration;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Calibration;

public sealed class ActivationCalibrationStageTests
{
    // The parameters are those that a quantizer of its own chooses for what flows there.
    [Theory]
    [InlineData(CalibrationInput.Full)]
    [InlineData(CalibrationInput.Quantized)]
    public void Run_EachSite_SeesTheFirstImagesOfTheChosenNetwork(CalibrationInput input)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        Tensor? seen = null;

        // What reaches the last block's MLP in the float network.
        var hook = model.Blocks[1].Norm2.register_forward_hook((_, _, y) =>
        {
            seen = y.clone().DetachFromDisposeScope();
            return y;
        });
        Micro.Call(model, images.narrow(0, 0, 24));
        hook.remove();
        using var expected = new IsVit.Quantizers.Uniform.UniformQuantizer(4, IsVit.Core.Quantization.Granularity.Tensor);
        expected.Calibrate(seen!);

        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration], [], o =>
        {
            o.Recipe = RecipeNames.Percentile;
            o.Calibration.ImageCount = 24;
            o.Calibration.Input = input;
        }).Run(model, images);

        var scale = quantized.Attachment.Find("blocks.1.mlp.fc1:input")!.Quantizer.ExportParameters().Required("scale")[0];
        var floatScale = expected.ExportParameters().Required("scale")[0];
        Assert.Equal(input == CalibrationInput.Full, scale == floatScale);
        Assert.All(quantized.Attachment.Bindings, static binding => Assert.Equal(binding.IsWeight ? SiteState.Off : SiteState.Quantized, binding.State));
    }

    [Fact]
    public void Run_FewerImagesThanAskedFor_TakesAll()
    {
        using var scope = NewDisposeScope();
        using var few = Micro.Vit();
        using var all = Micro.Vit();
        var images = Micro.Images();
        Tensor Logits(torch.nn.Module<Tensor, Tensor> model, int count)
        {
            using var quantized = Micro.Quantizer([StageNames.ActivationCalibration], [], options => options.Calibration.ImageCount = count).Run(model, images);
            return quantized.Predict(images);
        }

        TensorAssert.Identical(Logits(all, Micro.ImageCount), Logits(few, 5000));
    }
}

using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Quantizers.ShiftUniformLog2;
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
        using var expected = new IsVit.Quantizers.Uniform.UniformQuantizer(4, Granularity.Tensor);
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

    // The levels are those that a quantizer of its own chooses for the float model's attention and values, its rows counting as measured or alike.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_Attention_IsFittedToItsProduct(bool measured)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        Tensor? attention = null, values = null;
        var hook = model.Blocks[1].Attn.Av.register_forward_hook((_, left, right, y) =>
        {
            (attention, values) = (left.clone().DetachFromDisposeScope(), right.clone().DetachFromDisposeScope());
            return y;
        });
        Micro.Call(model, images.narrow(0, 0, 16));
        hook.remove();

        Tensor? weights = null;
        var keep = new ProbeStage("keep", context => weights = context.Importance.OfLayer("blocks.1.attn.av")?.clone().DetachFromDisposeScope());
        using var quantized = Micro.Quantizer([.. measured ? new[] { StageNames.OutputSensitivity } : [], "keep", StageNames.ActivationCalibration], [keep], o => o.Recipe = RecipeNames.ISVit).Run(model, images);
        using var expected = new ShiftUniformLog2Quantizer(4, Granularity.Tensor, new() { Levels = SulqLevels.Fitted });
        expected.Calibrate(attention!, values!, weights?.view(attention!.shape[1], attention.shape[2]));

        var parameters = quantized.Attachment.Find("blocks.1.attn.av:left")!.Quantizer.ExportParameters();
        Assert.Equal("fitted", parameters.Options["levels"]);
        Assert.Equal(measured, weights is not null);
        Assert.Equal(expected.ExportParameters().Required("eta"), parameters.Required("eta"));
        Assert.Equal(expected.ExportParameters().Required("levels"), parameters.Required("levels"));
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

using IsVit.Onnx;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Models;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>Real weights and real images in ONNX Runtime.</summary>
public sealed class DeitTinyOnnxTests(ITestOutputHelper output)
{
    [Fact]
    public void Save_WeightsOfFourBits_SameLogitsAndASeventhOfTheSize()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = DeitTiny.Load();
        var images = DeitTiny.Images();
        using var quantized = Micro.Quantizer([StageNames.WeightCalibration], [], static options => options.Use(QuantizationPresets.W4A16)).Run(model, images);

        OnnxExport.Save(quantized, folder["model.onnx"]);

        using var runtime = new OnnxModel(folder["model.onnx"]);
        var (expected, actual) = (quantized.Predict(images), runtime.Run(images));
        Assert.InRange(Micro.Distance(expected, actual), 0, 1e-4);
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());
        Assert.InRange(new FileInfo(folder["model.onnx"]).Length, 1, new FileInfo(SharedData.Weights).Length / 6.5);
    }

    /// <summary>A model with quantized activations amplifies rounding; ONNX Runtime's answers may be as far from the library's as the library's own are when its input moves by as much as float32 rounds.</summary>
    [Theory]
    [InlineData("w8a8")]
    [InlineData("w4a8")]
    public void Save_IntegerProducts_AsNearAsTheModelIsToItself(string name)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = DeitTiny.Load();
        var images = DeitTiny.Images();
        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, StageNames.Reparameterization, StageNames.WeightCalibration],
            [],
            options => options.Use(QuantizationPresets.All.Single(preset => preset.Name == name))).Run(model, images);

        OnnxExport.Save(quantized, folder["model.onnx"]);

        using var runtime = new OnnxModel(folder["model.onnx"]);
        var (expected, actual) = (quantized.Predict(images), runtime.Run(images));
        var moved = quantized.Predict(images * (1 + (1e-6f * Seeded.Normal(5, images.shape))));
        var (distance, own) = (Micro.Distance(expected, actual), Micro.Distance(expected, moved));
        output.WriteLine($"relative distance of the logits: ONNX Runtime {distance:g3}, the library with its images moved {own:g3}");
        Assert.InRange(distance, 0, 1.5 * own);
        Assert.InRange(own, 0, 0.2);
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());
    }
}

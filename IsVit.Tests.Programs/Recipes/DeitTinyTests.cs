using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Models;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Recipes;

/// <summary>Real weights, whose LayerNorms have channels without gamma, and two real images.</summary>
public sealed class DeitTinyTests(ITestOutputHelper output)
{
    [Fact]
    public void Quantize_FewStepsAtW4A4_NearTheFloatModelAndBackFromItsFile()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = DeitTiny.Load();
        var images = DeitTiny.Images();
        var logits = Micro.Call(model, images);
        var distances = new List<double>();

        using var quantized = ModelQuantizer.Create(static options =>
        {
            options.Reconstruction.Iterations = 2;
            options.Reconstruction.BatchSize = 2;
            options.Reconstruction.Evaluations = 1;
            options.OutputTuning.Steps = 2;
        }).Run(model, images, new QuantizationRun
        {
            Evaluate = scored =>
            {
                distances.Add(Micro.Distance(logits, Micro.Call(scored, images)));
                return distances[^1];
            },
        });

        output.WriteLine($"relative distance of the logits after each stage: {string.Join(", ", distances.Select(static d => d.ToString("g3", null)))}");
        Assert.Equal(29, quantized.Report!.Units.Count);
        UnitAssert.SomeImproved(quantized.Report.Units);
        Assert.Equal(quantized.Report.Stages.Count, distances.Count);
        Assert.InRange(distances[^1], 0.01, 0.8);

        quantized.Save(folder["deit.safetensors"]);
        using var fresh = ModelCatalog.Create("deit_tiny_patch16_224");
        using var loaded = QuantizedModel.Load(folder["deit.safetensors"], fresh);
        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));

        // Codes of half a byte, a table of 16 bytes, a scale and a zero point for each row of a weight, everything else in float32; of the 97 activations the shares of 16 codes and six figures of 8 bytes.
        const int Weights = 5_647_872, Rows = 21_928, Others = 69_544, Statistics = 97 * ((16 * 4) + (6 * 8));
        const double Theory = (Weights / 2) + ((16 + 4 + 1) * Rows) + (4 * Others) + Statistics;
        Assert.InRange(new FileInfo(folder["deit.safetensors"]).Length, Theory, 1.02 * Theory);
    }

    // In float32 rounding flips a few codes, which the quantized sites of twelve blocks amplify; float64 shows what the stage itself does.
    [Fact]
    public void Reparameterization_RealWeightsInFloat64_QuantizedOutputStays()
    {
        using var scope = NewDisposeScope();
        using var model = DeitTiny.Load();
        model.to(float64);
        var images = DeitTiny.Images().to(float64);
        var outputs = new List<Tensor>();
        var look = new ProbeStage("look", _ => outputs.Add(Micro.Call(model, images).DetachFromDisposeScope()));

        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, "look", StageNames.Reparameterization, "look"], [look], static options => options.Recipe = RecipeNames.Uniform).Run(model, images);

        Assert.InRange(Micro.Distance(outputs[0], outputs[1]), 0, 1e-9);
    }

    // What rounding does to the outputs before and after stage 2 any small change does; the float model has no such borders.
    [Fact]
    public void Predict_InputChangedByAHundredThousandth_QuantizedOutputMovesByFarMoreThanTheFloatOne()
    {
        using var scope = NewDisposeScope();
        using var model = DeitTiny.Load();
        var images = DeitTiny.Images();
        var changed = images * (1 + 1e-5);
        var floatDistance = Micro.Distance(Micro.Call(model, images), Micro.Call(model, changed));

        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration], []).Run(model, images);

        var distance = Micro.Distance(quantized.Predict(images), quantized.Predict(changed));
        output.WriteLine($"relative distance of the logits: float {floatDistance:g3}, quantized {distance:g3}");
        TensorAssert.Identical(quantized.Predict(images), quantized.Predict(images));
        Assert.InRange(floatDistance, 0, 1e-3);
        Assert.InRange(distance, 0.02, 1);
    }
}

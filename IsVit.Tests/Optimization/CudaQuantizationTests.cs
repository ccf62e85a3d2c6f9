using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>
/// A model on a CUDA device is quantized there, as it is on the CPU but for the order in which products are summed. In float64 that changes next to nothing. In float32 rounding turns it
/// into other codes here and there, from which training goes another way to as good a model.
/// </summary>
public sealed class CudaQuantizationTests
{
    public static TheoryData<string> EveryRecipe => [.. QuantizationRecipes.All.Select(static recipe => recipe.Name)];

    // Log2's largest code stands for the largest number that calibration saw, which a difference of any size puts inside or outside: its gradient comes or goes.
    public static TheoryData<string> RecipesWithoutLog2 => [.. QuantizationRecipes.All.Select(static recipe => recipe.Name).Except([RecipeNames.SosOnly, RecipeNames.Baseline])];

    [Theory]
    [MemberData(nameof(RecipesWithoutLog2))]
    public void Quantize_OnDevice_AgreesWithTheCpu(string recipe)
    {
        var device = RequireDevice();
        using var scope = NewDisposeScope();
        var (onCpu, onDevice) = (Quantize(CPU, float64, options => options.Recipe = recipe), Quantize(device, float64, options => options.Recipe = recipe));

        Assert.InRange(Micro.Distance(onCpu.Quantized, onDevice.Quantized), 0, 1e-2 * Micro.Distance(onCpu.Float, onCpu.Quantized));
    }

    [Theory]
    [MemberData(nameof(EveryRecipe))]
    public void Quantize_OnDeviceInFloat32_AsGoodAsOnTheCpu(string recipe)
    {
        var device = RequireDevice();
        using var scope = NewDisposeScope();

        AssertSameError(Quantize(CPU, float32, options => options.Recipe = recipe), Quantize(device, float32, options => options.Recipe = recipe));
    }

    [Theory]
    [InlineData(ActivationStorage.Memory, MatrixPrecision.TensorFloat32)]
    [InlineData(ActivationStorage.BFloat16, MatrixPrecision.BFloat16)]
    [InlineData(ActivationStorage.Disk, MatrixPrecision.Full)]
    public void Quantize_OnDeviceByOption_AsGoodAsOnTheCpu(ActivationStorage cache, MatrixPrecision precision)
    {
        var device = RequireDevice();
        using var scope = NewDisposeScope();
        AssertSameError(
            Quantize(CPU, float32, static _ => { }),
            Quantize(device, float32, options => (options.Reconstruction.Cache, options.Reconstruction.Precision) = (cache, precision)));
    }

    [Fact]
    public void Load_SavedOnDevice_SameLogitsBitForBit()
    {
        var device = RequireDevice();
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit().to(device);
        using var fresh = Micro.Vit(50).to(device);
        var images = Micro.Images(7).to(device);
        using var quantized = Micro.Quantizer().Run(model, Micro.Images().to(device));
        quantized.Save(folder["model.safetensors"]);

        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);

        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));
    }

    private static Device RequireDevice()
    {
        Assert.SkipUnless(cuda.is_available(), "libtorch sees no CUDA device.");
        return CUDA;
    }

    private static (Tensor Float, Tensor Quantized) Quantize(Device device, ScalarType type, Action<QuantizationOptions> configure)
    {
        using VisionTransformer model = Micro.Vit().to(type).to(device);
        var images = Micro.Images(7).to(type).to(device);
        var wanted = Micro.Call(model, images);
        using var quantized = Micro.Quantizer(configure).Run(model, Micro.Images().to(type).to(device));
        return (wanted.cpu(), quantized.Predict(images).cpu());
    }

    private static void AssertSameError((Tensor Float, Tensor Quantized) onCpu, (Tensor Float, Tensor Quantized) onDevice)
    {
        var error = Micro.Distance(onCpu.Float, onCpu.Quantized);
        Assert.InRange(Micro.Distance(onDevice.Float, onDevice.Quantized), 0.8 * error, 1.25 * error);
    }
}

using System.Runtime.InteropServices;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using SkiaSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.TestSupport;

/// <summary>The trained model that comes with the tool, quantized and saved to one file, and encoded images for it.</summary>
internal sealed class SavedFashion : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DemoAssets _assets = DemoAssets.Load(DemoAssets.DefaultFolder);

    /// <param name="isComplete">Whether the file says how images are prepared, and the names of the classes.</param>
    public SavedFashion(bool isComplete = true)
    {
        using var scope = NewDisposeScope();
        using var model = _assets.LoadModel(DemoModel.Find(ModelCatalog.Demo));
        using var quantized = ModelQuantizer.Create(static options => (options.Recipe, options.WeightBits, options.ActivationBits) = (RecipeNames.MinMax, 6, 6)).Quantize(model, Prepared(_assets.Calibration, 0, 32));
        if (isComplete)
        {
            quantized.Description = quantized.Description! with { Name = ModelCatalog.Demo, Preprocessing = ModelCatalog.Find(ModelCatalog.Demo).Preprocessing, Classes = FashionMnist.Classes };
        }

        quantized.Save(Path);
    }

    /// <summary>The file.</summary>
    public string Path => _folder["fashion.safetensors"];

    /// <summary>The class of a test image.</summary>
    public int Label(int index) => _assets.Test.Labels[index];

    /// <summary>A test image as the model takes it, by tensor operations alone: [1, 1, 28, 28].</summary>
    public Tensor Prepared(int index) => Prepared(_assets.Test.Pixels, index, 1);

    /// <summary>A test image as a PNG file.</summary>
    public byte[] Png(int index)
    {
        using var bitmap = new SKBitmap(28, 28, SKColorType.Gray8, SKAlphaType.Opaque);
        Marshal.Copy(_assets.Test.Pixels, index * 784, bitmap.GetPixels(), 784);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    public void Dispose() => _folder.Dispose();

    private static Tensor Prepared(byte[] pixels, int first, int count)
    {
        var preprocessing = ModelCatalog.Find(ModelCatalog.Demo).Preprocessing;
        return ((tensor(pixels.AsSpan(first * 784, count * 784).ToArray()).reshape(count, 1, 28, 28).to(float32) / 255) - preprocessing.Mean[0]) / preprocessing.Std[0];
    }
}

using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Drift;

/// <summary>The trained model that comes with the tool, and real images for it.</summary>
internal sealed class Fashion : IDisposable
{
    private readonly DemoAssets _assets = DemoAssets.Load(DemoAssets.DefaultFolder);

    public Fashion(int calibrationImages = 64)
    {
        Model = _assets.LoadModel(DemoModel.Find(ModelCatalog.Demo));
        Quantized = ModelQuantizer.Create(static options => options.Recipe = RecipeNames.MinMax).Run(Model, Normalised(Pixels(_assets.Calibration, 0, calibrationImages)));
    }

    public ImageClassifier Model { get; }

    public QuantizedModel Quantized { get; }

    /// <summary>Test images, 0 to 1, [count, 1, 28, 28]; each number gives others.</summary>
    public Tensor Test(int number, int count) => Pixels(_assets.Test.Pixels, number * count, count);

    /// <summary>Images as the model takes them.</summary>
    public static Tensor Normalised(Tensor pixels) => (pixels - FashionMnist.PixelMean) / FashionMnist.PixelStd;

    public void Dispose()
    {
        Quantized.Dispose();
        Model.Dispose();
    }

    private static Tensor Pixels(byte[] pixels, int first, int count) =>
        tensor(pixels.AsSpan(first * 784, count * 784).ToArray()).reshape(count, 1, 28, 28).to(float32) / 255;
}

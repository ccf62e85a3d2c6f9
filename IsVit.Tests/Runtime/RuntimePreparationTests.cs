using IsVit.Core.Imaging;
using IsVit.Model.Imaging;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Runtime;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Runtime;

/// <summary>The runtime's preparation of images against that of the library that calibrates on them, which is held to Pillow's.</summary>
public sealed class RuntimePreparationTests
{
    [Theory]
    [InlineData(17, 33, 0.9, ResizeMode.ShortSide, ResampleFilter.Bicubic, 3)]
    [InlineData(301, 47, 0.875, ResizeMode.ShortSide, ResampleFilter.Bilinear, 3)]
    [InlineData(301, 47, 0.875, ResizeMode.Squash, ResampleFilter.Bilinear, 3)]
    [InlineData(17, 33, 1, ResizeMode.Squash, ResampleFilter.Bicubic, 3)]
    [InlineData(16, 16, 1, ResizeMode.ShortSide, ResampleFilter.Bicubic, 3)]
    [InlineData(1, 9, 0.9, ResizeMode.ShortSide, ResampleFilter.Bicubic, 3)]
    [InlineData(65, 63, 0.95, ResizeMode.ShortSide, ResampleFilter.Bicubic, 1)]
    [InlineData(65, 9, 0.95, ResizeMode.Squash, ResampleFilter.Bicubic, 1)]
    public void Prepare_OddSizes_AreTheCalibrationsPixels(int width, int height, double crop, ResizeMode mode, ResampleFilter filter, int channels)
    {
        using var folder = new TemporaryFolder();
        var preprocessing = new ImagePreprocessing { ImageSize = 16, CropFraction = crop, ResizeMode = mode, Filter = filter, Mean = [.. new[] { 0.4f, 0.5f, 0.6f }[..channels]], Std = [.. new[] { 0.2f, 0.3f, 0.25f }[..channels]] };
        var model = Load(folder, preprocessing, channels);
        var rgb = new byte[3 * width * height];
        new Random(width).NextBytes(rgb);
        using var image = RgbImage.FromRgb(width, height, rgb);
        var expected = new float[channels * 16 * 16];
        new ImagePreprocessor(preprocessing).Preprocess(image, expected);

        Assert.Equal(expected, model.Prepare(rgb, width, height));

        // The same with gaps between the rows, and none behind the last.
        var stride = (3 * width) + 5;
        var gappy = new byte[(stride * (height - 1)) + (3 * width)];
        for (var row = 0; row < height; row++)
        {
            rgb.AsSpan(row * 3 * width, 3 * width).CopyTo(gappy.AsSpan(row * stride));
        }

        Assert.Equal(expected, model.Prepare(gappy, width, height, stride));
    }

    [Fact]
    public void Prepare_WhatDoesNotFit_IsNamed()
    {
        using var folder = new TemporaryFolder();
        var model = Load(folder, new() { ImageSize = 16 }, 3);

        Assert.Throws<ArgumentException>(() => model.Prepare(new byte[11], 2, 2));
        Assert.Throws<ArgumentException>("rgb", () => model.Prepare(new byte[12], 2, 2, 7));
        Assert.Throws<ArgumentOutOfRangeException>("stride", () => model.Prepare(new byte[12], 2, 2, 5));
        Assert.Throws<ArgumentOutOfRangeException>("width", () => model.Prepare([], 0, 2, 6));
        Assert.Throws<ArgumentOutOfRangeException>("height", () => model.Prepare([], 40_000, 40_000, 120_000));
        Assert.Throws<ArgumentException>("pixels", () => model.Prepare(new byte[12], 2, 2, null, new float[5]));

        Assert.Contains("preprocessing", Assert.Throws<QuantizationException>(() => Load(folder, null, 3).Prepare(new byte[12], 2, 2)).Message, StringComparison.Ordinal);
        Assert.Contains("3 channels", Assert.Throws<QuantizationException>(() => Load(folder, new() { ImageSize = 24 }, 3).Prepare(new byte[12], 2, 2)).Message, StringComparison.Ordinal);
    }

    private static RuntimeModel Load(TemporaryFolder folder, ImagePreprocessing? preprocessing, int channels)
    {
        using var scope = NewDisposeScope();
        var model = Micro.Vit(1, new() { ImageSize = 16, PatchSize = 8, EmbedDim = 16, Depth = 1, HeadCount = 2, MlpRatio = 2, ClassCount = 3, InChannels = channels });
        using var quantized = Micro.Quantizer(static o => o.Recipe = RecipeNames.MinMax).Run(model, Seeded.Normal(6, 8, channels, 16, 16));
        quantized.Description = quantized.Description! with { Preprocessing = preprocessing };
        quantized.Save(folder["model.safetensors"]);
        return RuntimeModel.Load(folder["model.safetensors"]);
    }
}

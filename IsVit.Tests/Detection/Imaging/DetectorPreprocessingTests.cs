using IsVit.Detection.Imaging;
using IsVit.Tests.Detection.Models;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Imaging;

public sealed class DetectorPreprocessingTests
{
    [Theory]
    [InlineData(480, 640, 800, 1067)]
    [InlineData(640, 480, 1067, 800)]
    [InlineData(427, 640, 800, 1199)]
    [InlineData(200, 1000, 267, 1333)]
    [InlineData(1, 5000, 1, 1333)]
    public void SizeOf_Image_IsMmcvs(int height, int width, int resizedHeight, int resizedWidth) =>
        Assert.Equal((resizedHeight, resizedWidth), new DetectorPreprocessing().SizeOf(height, width));

    [Theory]
    [InlineData(0, 150)]
    [InlineData(1, 160)]
    public void Prepare_OraclesPicture_EqualsMmdetectionsPipeline(int image, int shortSide)
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = new DetectorOracle("mask_rcnn");
        var original = oracle.Original(image);
        var preprocessing = new DetectorPreprocessing { ShortSide = shortSide };
        using var input = preprocessing.Prepare(original.data<byte>().ToArray(), (int)original.shape[0], (int)original.shape[1]);

        Assert.Equal(oracle.Geometry(image, rescale: true), Assert.Single(input.Geometries));
        TensorAssert.Close(oracle.Input(image).Images, input.Images, new(1e-6, 1e-6));
    }

    [Fact]
    public void Read_FilesOfTwoSizes_PadsThemToOneBatch()
    {
        using var folder = new TemporaryFolder();
        var (wide, tall) = (folder["wide.png"], folder["tall.png"]);
        Save(wide, 40, 20);
        Save(tall, 16, 48);
        using var input = new DetectorPreprocessing { ShortSide = 20, LongSide = 50 }.Read(wide, tall);

        Assert.Equal([2, 3, 64, 64], input.Images.shape);
        Assert.Equal([new(20, 40), new(50, 17, 48, 16)], input.Geometries);
        Assert.Equal(0, input.Images[0].narrow(1, 20, 44).abs().max().item<float>());
        Assert.Equal((200 - 123.675f) / 58.395f, input.Images[0, 0, 19, 39].item<float>(), 1e-5f);
        Assert.Equal(0, input.Images[1].narrow(2, 17, 47).abs().max().item<float>());
    }

    [Fact]
    public void Prepare_WrongOption_NamesItAndTheValue()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(static () => new DetectorPreprocessing { ShortSide = 900, LongSide = 800 }.SizeOf(10, 10));
        Assert.Contains("LongSide is 800; expected at least 900", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(static () => new DetectorPreprocessing().Read());
        Assert.Throws<ArgumentOutOfRangeException>(static () => new DetectorPreprocessing { Std = [1, 0, 1] }.Read("no.png"));
    }

    private static void Save(string path, int width, int height)
    {
        using var bitmap = new SkiaSharp.SKBitmap(width, height);
        bitmap.Erase(new SkiaSharp.SKColor(200, 100, 50));
        using var data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
    }
}

using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Imaging;
using IsVit.Tests.Imaging.Golden;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Imaging;

public class ImagePreprocessorTests
{
    private static readonly ImagePreprocessing Plain = new() { ImageSize = 8, CropFraction = 1, Mean = [0, 0, 0], Std = [1, 1, 1] };

    public static TheoryData<ResizeMode, int, string, int, int, int, double, string> Golden()
    {
        var data = new TheoryData<ResizeMode, int, string, int, int, int, double, string>();
        foreach (var row in GoldenTable.Rows("preprocess.csv"))
        {
            data.Add(Enum.Parse<ResizeMode>(row[0]), Int(row[1]), row[2], Int(row[3]), Int(row[4]), Int(row[5]), double.Parse(row[6], CultureInfo.InvariantCulture), row[7]);
        }

        return data;

        static int Int(string cell) => int.Parse(cell, CultureInfo.InvariantCulture);
    }

    [Theory]
    [MemberData(nameof(Golden))]
    public void Preprocess_AnyShape_IsPillowResizedAndCroppedAsTorchvisionDoes(ResizeMode mode, int channels, string filter, int width, int height, int size, double crop, string sha256)
    {
        using var image = SyntheticImage.Pattern(width, height);
        var zeros = new float[channels];
        var preprocessor = new ImagePreprocessor(new ImagePreprocessing
        {
            ImageSize = size,
            CropFraction = crop,
            ResizeMode = mode,
            Filter = Enum.Parse<ResampleFilter>(filter),
            Mean = zeros,
            Std = Array.ConvertAll(zeros, _ => 1f),
        });
        var planes = new float[preprocessor.ValueCount];

        preprocessor.Preprocess(image, planes);

        var bytes = new byte[planes.Length];
        for (var i = 0; i < planes.Length; i++)
        {
            var (channel, pixel) = Math.DivRem(i, size * size);
            bytes[(pixel * channels) + channel] = (byte)MathF.Round(planes[i] * 255);
        }

        Assert.Equal(sha256, SyntheticImage.Digest(bytes));
    }

    [Fact]
    public void Preprocess_EveryByteValue_IsNormalisedAsTensorOperationsDo()
    {
        using var scope = torch.NewDisposeScope();
        var values = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        using var image = RgbImage.FromGrey(16, 16, values);
        var preprocessing = ImagePreprocessing.ImageNet with { ImageSize = 16, CropFraction = 1 };

        var found = new ImagePreprocessor(preprocessing).Preprocess(image);

        var mean = torch.tensor(preprocessing.Mean.ToArray()).view(3, 1, 1);
        var std = torch.tensor(preprocessing.Std.ToArray()).view(3, 1, 1);
        var expected = torch.tensor(values).view(1, 16, 16).to(torch.float32).div(255f).sub(mean).div(std);
        TensorAssert.Identical(expected, found);
    }

    [Fact]
    public void Preprocess_OddPixelCount_ReachesTheLastPixel()
    {
        using var image = RgbImage.FromGrey(5, 5, Enumerable.Range(10, 25).Select(i => (byte)i).ToArray());
        var planes = new float[75];

        new ImagePreprocessor(Plain with { ImageSize = 5 }).Preprocess(image, planes);

        Assert.Equal(Enumerable.Range(0, 75).Select(i => (10 + (i % 25)) / 255f), planes);
    }

    [Fact]
    public void Preprocess_ImageNetImages_EqualTheReferencePixels()
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = SafetensorsFile.Open(SharedData.Oracle("deit_tiny_first8.safetensors"));
        var expected = oracle.Read("preprocessed_first2");
        var images = LabelCsv.Read(SharedData.Labels);
        var preprocessor = new ImagePreprocessor(ImagePreprocessing.ImageNet);

        var found = torch.stack([preprocessor.Preprocess(images[0].Path), preprocessor.Preprocess(images[1].Path)]);

        // The decoder and the resampling are Pillow's to the bit, so nothing is left but the rounding of float32.
        TensorAssert.Close(expected, found);
    }

    [Fact]
    public void Preprocess_RoomForAnotherNumberOfValues_Throws()
    {
        using var image = SyntheticImage.Pattern(9, 9);
        var e = Assert.Throws<ArgumentException>(() => new ImagePreprocessor(Plain).Preprocess(image, new float[191]));
        Assert.Contains("192 values; there is room for 191", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Preprocess_LongNarrowImage_ComputesOnlyTheCrop()
    {
        // Resized whole, it would have 8 x 800,000 pixels.
        using var image = RgbImage.FromGrey(1, 100_000, Enumerable.Range(0, 100_000).Select(i => (byte)(i / 500)).ToArray());
        var planes = new float[192];

        new ImagePreprocessor(Plain).Preprocess(image, planes);

        Assert.All(planes, value => Assert.InRange(value * 255, 98.9, 100.1));
    }

    [Fact]
    public void Obstacle_LongNarrowImage_IsOneOnlyWhereItsLongSideFollows()
    {
        Assert.Equal("1 x 2147483647 pixels are too long and narrow to bring the short side to 8.", ImagePreparation.Obstacle(Plain, 1, int.MaxValue));
        Assert.Null(ImagePreparation.Obstacle(Plain with { ResizeMode = ResizeMode.Squash }, 1, int.MaxValue));
    }

    [Fact]
    public void Preprocess_BrokenFile_LeavesNoTensor()
    {
        var preprocessor = new ImagePreprocessor(Plain);
        LiveTensors.AssertNoneLeftBy(() => Assert.Throws<ImageException>(() => preprocessor.Preprocess("absent.jpg")));
    }
}

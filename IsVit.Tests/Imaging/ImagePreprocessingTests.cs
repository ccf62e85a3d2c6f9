using IsVit.Model.Imaging;

namespace IsVit.Tests.Imaging;

public sealed class ImagePreprocessingTests
{
    [Fact]
    public void Equals_SameValues_AreEqualWhateverTheListsAre()
    {
        var first = new ImagePreprocessing { Mean = [0.5f], Std = new List<float> { 0.25f } };
        var second = new ImagePreprocessing { Mean = new List<float> { 0.5f }, Std = [0.25f] };

        Assert.Equal(first, second);
        Assert.Equal(first.GetHashCode(), second.GetHashCode());
        Assert.NotEqual(first, second with { Std = [0.5f] });
        Assert.NotEqual(first, second with { ResizeMode = ResizeMode.Squash });
        Assert.NotEqual(ImagePreprocessing.ImageNet, ImagePreprocessing.Inception);
    }

    [Fact]
    public void Mean_ListChangedAfterwards_KeepsItsValues()
    {
        var mean = new List<float> { 0.5f };
        var preprocessing = new ImagePreprocessing { Mean = mean, Std = [1] };

        mean[0] = 7;

        Assert.Equal(0.5f, preprocessing.Mean[0]);
    }

    [Theory]
    [InlineData(224, 0.9, 248)]
    [InlineData(224, 0.875, 256)]
    [InlineData(384, 1, 384)]
    [InlineData(28, 0.7, 40)]
    public void ResizeSize_CropFraction_IsTheFloorOfTheQuotient(int size, double crop, int expected) =>
        Assert.Equal(expected, new ImagePreprocessing { ImageSize = size, CropFraction = crop }.ResizeSize);

    [Fact]
    public void Init_ValueOutOfRange_NamesItsOption()
    {
        Assert.Equal("ImageSize", Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePreprocessing { ImageSize = 0 }).ParamName);
        Assert.Equal("CropFraction", Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePreprocessing { CropFraction = 0 }).ParamName);
        Assert.Equal("CropFraction", Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePreprocessing { CropFraction = 1.01 }).ParamName);
        Assert.Equal("CropFraction", Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePreprocessing { CropFraction = double.NaN }).ParamName);
        Assert.Equal("ResizeMode", Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePreprocessing { ResizeMode = (ResizeMode)2 }).ParamName);
        Assert.Equal("Mean", Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Mean = [float.NaN] }).ParamName);
        Assert.Equal("Std", Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Std = [1, 0, 1] }).ParamName);
        Assert.Equal("Std", Assert.Throws<ArgumentException>(() => new ImagePreprocessing { Std = [1, 1] }).ParamName);
    }
}

using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Data;

namespace IsVit.Tests.Programs.Tool;

public sealed class FashionMnistTests
{
    [Fact]
    public void Load_FourFiles_GivesBothSplits()
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder.Path, train: 12, test: 3);

        var data = FashionMnist.Load(folder.Path);

        Assert.Equal(12, data.Train.Count);
        Assert.Equal(3, data.Test.Count);
        Assert.Equal([0, 1, 2], data.Test.Labels);
        Assert.Equal(784, data.Test.Image(2).Length);
    }

    [Fact]
    public void Load_NoFolder_SaysHowToGetTheData()
    {
        var error = Assert.Throws<ToolException>(() => FashionMnist.Load("/nowhere"));

        Assert.Contains("dataset-fashion-mnist", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FileMissing_NamesIt()
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder.Path, train: 2, test: 2);
        File.Delete(folder["t10k-labels-idx1-ubyte.gz"]);

        var error = Assert.Throws<ToolException>(() => FashionMnist.Load(folder.Path));

        Assert.Contains("t10k-labels-idx1-ubyte", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OtherNumberOfLabels_SaysBoth()
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder.Path, train: 2, test: 2);
        IdxFiles.Write(folder["train-labels-idx1-ubyte.gz"], IdxFiles.Bytes([3], [0, 1, 2]));

        var error = Assert.Throws<ToolException>(() => FashionMnist.Load(folder.Path));

        Assert.Contains("3 labels, but train-images-idx3-ubyte.gz has 2 images", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_LabelOutOfRange_NamesIt()
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder.Path, train: 2, test: 2);
        IdxFiles.Write(folder["train-labels-idx1-ubyte.gz"], IdxFiles.Bytes([2], [9, 10]));

        var error = Assert.Throws<ToolException>(() => FashionMnist.Load(folder.Path));

        Assert.Contains("label 1 is 10, expected 0 to 9", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ImagesOfAnotherSize_IsAnError()
    {
        using var folder = new TemporaryFolder();
        IdxFiles.WriteFashionMnist(folder.Path, train: 2, test: 2);
        IdxFiles.Write(folder["train-images-idx3-ubyte.gz"], IdxFiles.Bytes([2, 28, 27], new byte[2 * 28 * 27]));

        var error = Assert.Throws<ToolException>(() => FashionMnist.Load(folder.Path));

        Assert.Contains("images of 28 x 27, expected 28 x 28", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sample_SameSeed_GivesTheSameDistinctImages()
    {
        var set = new ImageSet([.. Enumerable.Range(0, 200).Select(i => (byte)i)], [.. Enumerable.Range(0, 50).Select(i => (byte)i)], 2, 2);

        var one = set.Sample(20, seed: 3);
        var two = set.Sample(20, seed: 3);
        var other = set.Sample(20, seed: 4);

        Assert.Equal(one.Pixels, two.Pixels);
        Assert.Equal(20, one.Labels.Distinct().Count());
        Assert.NotEqual(one.Labels, other.Labels);
        Assert.Equal(set.Image(one.Labels[7]).ToArray(), one.Image(7).ToArray());
    }
}

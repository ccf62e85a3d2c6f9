using IsVit.Core.Imaging;
using IsVit.Model.Imaging;
using IsVit.Tests.Imaging.Golden;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Imaging;

public class TensorImageSourceTests
{
    private static readonly ImagePreprocessing Grey = new() { ImageSize = 4, Mean = [0.2f], Std = [0.4f] };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void ReadBatches_FloatImages_GivesThemInOrder()
    {
        using var scope = torch.NewDisposeScope();
        var pixels = torch.arange(5 * 48, dtype: torch.float32).view(5, 3, 4, 4);
        using var source = new TensorImageSource(pixels, torch.tensor(new long[] { 4, 3, 2, 1, 0 }));

        var batches = source.ReadBatches(2, Token).ToArray();

        Assert.Equal([2, 2, 1], batches.Select(batch => batch.Count));
        Assert.Equal(["0", "1", "2", "3", "4"], batches.SelectMany(batch => batch.Paths));
        Assert.Equal([4, 3, 2, 1, 0], batches.SelectMany(batch => batch.Labels!.data<long>().ToArray()));
        TensorAssert.Identical(pixels, torch.cat(batches.Select(batch => batch.Pixels).ToArray()));
        Array.ForEach(batches, batch => batch.Dispose());
    }

    [Fact]
    public void ReadBatches_ByteImages_AreNormalisedAsFilesAre()
    {
        using var scope = torch.NewDisposeScope();
        var values = Enumerable.Range(0, 48).Select(i => (byte)(i * 5)).ToArray();
        using var source = new TensorImageSource(torch.tensor(values).view(3, 1, 4, 4), null, Grey);

        using var batch = source.LoadAll(Token);

        Assert.Null(batch.Labels);
        for (var i = 0; i < 3; i++)
        {
            using var image = RgbImage.FromGrey(4, 4, values.AsSpan(i * 16, 16));
            TensorAssert.Identical(new ImagePreprocessor(Grey with { CropFraction = 1 }).Preprocess(image), batch.Pixels[i]);
        }
    }

    [Fact]
    public void ShuffleAndTake_KeepImagesWithTheirLabels()
    {
        using var scope = torch.NewDisposeScope();
        using var source = new TensorImageSource(torch.arange(10, dtype: torch.float32).view(10, 1, 1, 1), torch.arange(10, dtype: torch.int64));
        using var shuffled = source.Shuffle(3);
        using var sample = shuffled.Take(4);

        using var batch = sample.LoadAll(Token);

        Assert.Equal(StableShuffle.Permutation(10, 3).Take(4).Select(i => (long)i), batch.Labels!.data<long>().ToArray());
        TensorAssert.Identical(batch.Labels.to(torch.float32), batch.Pixels.view(4));
        Assert.Equal(batch.Labels.data<long>().Select(label => $"{label}"), batch.Paths);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.Take(11));
    }

    [Fact]
    public void Load_OtherSource_KeepsImagesLabelsAndPaths()
    {
        string[] paths = [GoldenTable.ImageFile("colour.jpg"), GoldenTable.ImageFile("grey.png")];
        var files = new ImageFileSource(new ImageList(paths.Select((path, i) => new ImageItem(path, 5 + i))), new ImagePreprocessing { ImageSize = 16 });
        using var scope = torch.NewDisposeScope();

        using var source = TensorImageSource.Load(files, Token);

        using var expected = files.LoadAll(Token);
        using var found = source.LoadAll(Token);
        TensorAssert.Identical(expected.Pixels, found.Pixels);
        TensorAssert.Identical(expected.Labels!, found.Labels!);
        Assert.Equal(paths, found.Paths);
    }

    [Fact]
    public void Create_OtherShapesOrTypes_Throw()
    {
        using var scope = torch.NewDisposeScope();
        Assert.Throws<ArgumentException>(() => new TensorImageSource(torch.zeros(3, 4, 4)));
        Assert.Throws<ArgumentException>(() => new TensorImageSource(torch.zeros(2, 3, 4, 4, dtype: torch.float64)));
        Assert.Throws<ArgumentException>(() => new TensorImageSource(torch.zeros(2, 3, 4, 4), torch.zeros(3, dtype: torch.int64)));
        Assert.Throws<ArgumentException>(() => new TensorImageSource(torch.zeros(2, 3, 4, 4), torch.zeros(2)));
        Assert.Throws<ArgumentException>(() => new TensorImageSource(torch.zeros(2, 1, 4, 4), null, Grey));
        var e = Assert.Throws<ArgumentException>(() => new TensorImageSource(torch.zeros(2, 3, 4, 4, dtype: torch.uint8), null, Grey));
        Assert.Contains("[2, 3, 4, 4]; expected [count, 1, 4, 4]", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadBatches_ReadAndDisposed_LeavesNoTensor()
    {
        LiveTensors.AssertNoneLeftBy(() =>
        {
            using var source = new TensorImageSource(torch.zeros(5, 1, 4, 4, dtype: torch.uint8), torch.zeros(5, dtype: torch.int64), Grey);
            TensorImageSource.Load(source, Token).Dispose();
            using var part = source.Shuffle(1);
            foreach (var batch in source.ReadBatches(2, Token).Concat(part.ReadBatches(2, Token)))
            {
                batch.Dispose();
            }
        });
    }

    [Fact]
    public void ReadBatches_Cancelled_Throws()
    {
        using var source = new TensorImageSource(torch.zeros(5, 1, 4, 4));
        Assert.Throws<OperationCanceledException>(() => source.ReadBatches(2, new CancellationToken(true)).ToArray());
    }
}

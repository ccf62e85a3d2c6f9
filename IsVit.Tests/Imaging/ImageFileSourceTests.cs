using System.Diagnostics;
using IsVit.Core.Imaging;
using IsVit.Model.Imaging;
using IsVit.Tests.Imaging.Golden;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Imaging;

public sealed class ImageFileSourceTests : IDisposable
{
    private static readonly ImagePreprocessing Small = new() { ImageSize = 16 };
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 1, 4)]
    [InlineData(3, 1, 4)]
    [InlineData(8, 3, 1)]
    [InlineData(2, 2, 100)]
    public void ReadBatches_AnyThreadsAndSizes_GivesTheImagesInOrder(int parallelism, int prefetch, int batchSize)
    {
        var images = Images(11);
        var source = new ImageFileSource(images, Small, new ImageLoaderOptions { Parallelism = parallelism, PrefetchBatches = prefetch });
        var preprocessor = new ImagePreprocessor(Small);

        var seen = new List<string>();
        foreach (var batch in source.ReadBatches(batchSize, Token))
        {
            using var scope = torch.NewDisposeScope();
            using var owned = batch;
            Assert.Equal(Math.Min(batchSize, 11 - seen.Count), batch.Count);
            Assert.Equal(images.Skip(seen.Count).Take(batch.Count).Select(item => (long)item.Label!.Value), batch.Labels!.data<long>().ToArray());
            for (var i = 0; i < batch.Count; i++)
            {
                TensorAssert.Identical(preprocessor.Preprocess(batch.Paths[i]), batch.Pixels[i]);
            }

            seen.AddRange(batch.Paths);
        }

        Assert.Equal(images.Select(item => item.Path), seen);
    }

    [Fact]
    public void ReadBatches_WithoutLabels_HasNone()
    {
        var source = new ImageFileSource(new ImageList([new ImageItem(GoldenTable.ImageFile("colour.jpg"))]), Small);
        using var batch = source.LoadAll(Token);
        Assert.False(source.HasLabels);
        Assert.Null(batch.Labels);
        Assert.Equal([1, 3, 16, 16], batch.Pixels.shape);
    }

    [Fact]
    public void ReadBatches_GreyPreprocessing_HasOneChannel()
    {
        var grey = new ImagePreprocessing { ImageSize = 16, Mean = [0.5f], Std = [0.5f] };
        using var batch = new ImageFileSource(Images(2), grey).LoadAll(Token);
        Assert.Equal([2, 1, 16, 16], batch.Pixels.shape);
    }

    [Fact]
    public void ReadBatches_Throw_NamesTheFirstUnreadableImage()
    {
        var images = WithBroken(20, 7, 8, 15);
        for (var trial = 0; trial < 20; trial++)
        {
            var source = new ImageFileSource(images, Small, new ImageLoaderOptions { Parallelism = 8 });
            var batches = 0;
            var e = Assert.Throws<ImageException>(() =>
            {
                foreach (var batch in source.ReadBatches(3, Token))
                {
                    batch.Dispose();
                    batches++;
                }
            });

            Assert.Equal((images[7].Path, 2), (e.Path, batches));
        }
    }

    [Theory]
    [InlineData(4, new[] { 0 })]
    [InlineData(4, new[] { 1, 2, 9 })]
    [InlineData(4, new[] { 4, 5, 6, 7 })]
    [InlineData(3, new[] { 10 })]
    [InlineData(11, new[] { 0, 10 })]
    [InlineData(1, new[] { 3, 4 })]
    public void ReadBatches_Skip_ClosesTheGapsAndReportsInOrder(int batchSize, int[] broken)
    {
        var images = WithBroken(11, broken);
        var skipped = new List<string>();
        var options = new ImageLoaderOptions { Parallelism = 3, Unreadable = UnreadableImage.Skip, OnSkipped = e => skipped.Add(e.Path) };
        var preprocessor = new ImagePreprocessor(Small);
        var readable = images.Where((_, i) => !broken.Contains(i)).ToArray();

        using var scope = torch.NewDisposeScope();
        var batches = new ImageFileSource(images, Small, options).ReadBatches(batchSize, Token).ToArray();

        Assert.Equal(broken.Select(i => images[i].Path), skipped);
        Assert.Equal(readable.Select(item => item.Path), batches.SelectMany(batch => batch.Paths));
        Assert.Equal(readable.Select(item => (long)item.Label!.Value), batches.SelectMany(batch => batch.Labels!.data<long>().ToArray()));
        Assert.All(batches.SkipLast(1), batch => Assert.Equal(batchSize, batch.Count));
        foreach (var batch in batches)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                TensorAssert.Identical(preprocessor.Preprocess(batch.Paths[i]), batch.Pixels[i]);
            }

            batch.Dispose();
        }
    }

    [Fact]
    public void LoadAll_SkippedImages_AreLeftOut()
    {
        var skipped = 0;
        var options = new ImageLoaderOptions { Unreadable = UnreadableImage.Skip, OnSkipped = _ => skipped++ };
        using var all = new ImageFileSource(WithBroken(9, 2, 5), Small, options).LoadAll(Token);
        Assert.Equal((7, 2), (all.Count, skipped));
        Assert.Equal([7, 3, 16, 16], all.Pixels.shape);
    }

    [Fact]
    public void LoadAll_NothingReadable_Throws()
    {
        var source = new ImageFileSource(WithBroken(2, 0, 1), Small, new ImageLoaderOptions { Unreadable = UnreadableImage.Skip });
        Assert.Contains("none of the 2 images can be read", Assert.Throws<ImageException>(() => source.LoadAll(Token)).Message, StringComparison.Ordinal);
        Assert.Empty(source.ReadBatches(1, Token));
    }

    [Fact]
    public void ReadBatches_ReadInFullSkippingOrNot_LeavesNoTensor()
    {
        var whole = new ImageFileSource(Images(9), Small);
        var gaps = new ImageFileSource(WithBroken(9, 1, 4), Small, new ImageLoaderOptions { Unreadable = UnreadableImage.Skip });
        LiveTensors.AssertNoneLeftBy(() =>
        {
            foreach (var batch in whole.ReadBatches(2, Token).Concat(gaps.ReadBatches(2, Token)))
            {
                batch.Dispose();
            }
        });
    }

    [Fact]
    public void ReadBatches_LeftEarlyOrFailing_LeavesNoTensorAndNoThread()
    {
        var source = new ImageFileSource(Images(40), Small, new ImageLoaderOptions { Parallelism = 4, PrefetchBatches = 3 });
        var failing = new ImageFileSource(WithBroken(40, 5), Small, new ImageLoaderOptions { Parallelism = 4, PrefetchBatches = 3 });
        var callback = new ImageFileSource(WithBroken(40, 5), Small, new ImageLoaderOptions
        {
            Unreadable = UnreadableImage.Skip,
            OnSkipped = e => throw new InvalidOperationException("stop", e),
        });
        LiveTensors.AssertNoneLeftBy(() =>
        {
            foreach (var batch in source.ReadBatches(4, Token))
            {
                batch.Dispose();
                break;
            }

            Assert.Throws<ImageException>(() => failing.LoadAll(Token));
            Assert.Throws<InvalidOperationException>(() => callback.LoadAll(Token));
        });
        AssertNoDecodingThread();
    }

    [Fact]
    public void ReadBatches_Cancelled_ThrowsAndEndsTheThreads()
    {
        using var cancellation = new CancellationTokenSource();
        var source = new ImageFileSource(Images(200), Small);
        var batches = 0;
        LiveTensors.AssertNoneLeftBy(() => Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var batch in source.ReadBatches(2, cancellation.Token))
            {
                batch.Dispose();
                if (++batches == 3)
                {
                    cancellation.Cancel();
                }
            }
        }));

        Assert.Equal(3, batches);
        AssertNoDecodingThread();
    }

    [Fact]
    public void ReadBatches_InsideADisposeScope_BatchesOutliveIt()
    {
        var source = new ImageFileSource(WithBroken(5, 3), Small, new ImageLoaderOptions { Unreadable = UnreadableImage.Skip });
        ImageBatch[] batches;
        using (torch.NewDisposeScope())
        {
            batches = [.. source.ReadBatches(2, Token)];
        }

        Assert.Equal([2, 2], batches.Select(batch => batch.Count));
        foreach (var batch in batches)
        {
            Assert.False(batch.Pixels.IsInvalid || batch.Labels!.IsInvalid);
            batch.Dispose();
        }
    }

    [Fact]
    public void ReadBatches_ScopeAroundEachStep_BatchesAheadOutliveIt()
    {
        var source = new ImageFileSource(Images(9), Small, new ImageLoaderOptions { PrefetchBatches = 3 });
        var preprocessor = new ImagePreprocessor(Small);
        using var reader = source.ReadBatches(2, Token).GetEnumerator();
        var count = 0;
        while (true)
        {
            using var scope = torch.NewDisposeScope();
            if (!reader.MoveNext())
            {
                break;
            }

            using var batch = reader.Current;
            TensorAssert.Identical(preprocessor.Preprocess(batch.Paths[0]), batch.Pixels[0]);
            count += batch.Count;
        }

        Assert.Equal(9, count);
    }

    [Fact]
    public async Task ReadBatches_LaterImageFailsSooner_ReportsTheEarlierOne()
    {
        var pipe = Pipe("0.jpg");
        var images = new ImageList([new ImageItem(pipe), new ImageItem(_folder.File("1.jpg", "no image"u8)), .. Images(4)]);
        var source = new ImageFileSource(images, Small, new ImageLoaderOptions { Parallelism = 2 });

        var reading = Task.Run(() => Assert.Throws<ImageException>(() => source.LoadAll(Token)), Token);
        await Task.Delay(100, Token);
        var waited = !reading.IsCompleted;
        File.OpenHandle(pipe, FileMode.Open, FileAccess.Write).Dispose();

        Assert.Equal(pipe, (await reading).Path);
        Assert.True(waited, "The reader did not wait for the image before the one that failed.");
    }

    [Fact]
    public async Task ReadBatches_LeftWhileAnImageIsDecoded_WaitsForItsThread()
    {
        // On a busy machine the thread may not have come to the image yet, and there is nothing to wait for: tried again.
        var waited = false;
        for (var trial = 0; trial < 10 && !waited; trial++)
        {
            var pipe = Pipe($"{trial}.jpg");
            var images = new ImageList([.. Images(4), new ImageItem(pipe)]);
            var source = new ImageFileSource(images, Small, new ImageLoaderOptions { Parallelism = 1 });
            var reader = source.ReadBatches(4, Token).GetEnumerator();
            Assert.True(reader.MoveNext());
            reader.Current.Dispose();
            await Task.Delay(50, Token);

            var leaving = Task.Run(reader.Dispose, Token);
            await Task.Delay(100, Token);
            waited = !leaving.IsCompleted;
            if (waited)
            {
                File.OpenHandle(pipe, FileMode.Open, FileAccess.Write).Dispose();
            }

            await leaving;
        }

        Assert.True(waited, "Tensors were freed while a thread was writing to them.");
        AssertNoDecodingThread();
    }

    [Fact]
    public void ReadBatches_ReaderStops_DecodesNoMoreThanThePrefetchedBatches()
    {
        // Only images that are claimed are opened, so those behind the window may be deleted while the reader rests.
        var images = Images(30);
        var source = new ImageFileSource(images, Small, new ImageLoaderOptions { Parallelism = 4, PrefetchBatches = 2, Unreadable = UnreadableImage.Skip });
        using var reader = source.ReadBatches(2, Token).GetEnumerator();
        Assert.True(reader.MoveNext());
        reader.Current.Dispose();
        foreach (var item in images.Skip(6))
        {
            File.Delete(item.Path);
        }

        var rest = 0;
        while (reader.MoveNext())
        {
            rest += reader.Current.Count;
            reader.Current.Dispose();
        }

        Assert.Equal(4, rest);
    }

    [Fact]
    public void ReadBatches_TwoReadersAtOnce_DoNotDisturbEachOther()
    {
        var source = new ImageFileSource(Images(12), Small);
        foreach (var (left, right) in source.ReadBatches(5, Token).Zip(source.ReadBatches(5, Token)))
        {
            TensorAssert.Identical(left.Pixels, right.Pixels);
            left.Dispose();
            right.Dispose();
        }
    }

    [Fact]
    public void ReadBatches_NoImages_GivesNone() => Assert.Empty(new ImageFileSource(new ImageList([]), Small).ReadBatches(4, Token));

    [Fact]
    public void OutOfRange_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageFileSource(Images(1), Small).ReadBatches(0, Token));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageLoaderOptions { Parallelism = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageLoaderOptions { Parallelism = 257 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageLoaderOptions { PrefetchBatches = 0 });
    }

    /// <summary>Looks for the name of the loader's threads where the system lists the names of threads.</summary>
    private static void AssertNoDecodingThread()
    {
        if (OperatingSystem.IsLinux())
        {
            // A joined thread may take a moment to vanish from the system's list.
            Assert.True(SpinWait.SpinUntil(() => !Directory.EnumerateDirectories("/proc/self/task").Any(IsDecoding), TimeSpan.FromSeconds(5)), "A decoding thread is alive.");
        }

        static bool IsDecoding(string task)
        {
            try
            {
                return File.ReadAllText(Path.Combine(task, "comm")).StartsWith("Image decoding", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    /// <summary>Labelled images that all differ.</summary>
    private ImageList Images(int count) => new(Enumerable.Range(0, count).Select(i =>
    {
        var bitmap = File.ReadAllBytes(GoldenTable.ImageFile("colour.bmp"));
        bitmap.AsSpan(600 + (i * 7), 60).Fill((byte)(i * 11));
        return new ImageItem(_folder.File($"image{i:d3}.bmp", bitmap), (i * 3) % 7);
    }));

    /// <summary>A file that blocks whoever opens it until somebody else opens it for writing: an image that takes as long as the test wants.</summary>
    private string Pipe(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "Named pipes in the file system are a Unix thing.");
        var path = Path.Combine(_folder.Path, name);
        using var process = Process.Start("mkfifo", [path]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return path;
    }

    private ImageList WithBroken(int count, params int[] broken)
    {
        var list = Images(count);
        return new ImageList(list.Select((item, i) => broken.Contains(i) ? item with { Path = _folder.File($"broken{i:d3}.jpg", "no image"u8) } : item));
    }
}

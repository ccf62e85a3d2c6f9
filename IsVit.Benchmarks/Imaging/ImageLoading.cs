using BenchmarkDotNet.Attributes;
using IsVit.Core.Imaging;
using IsVit.Model.Imaging;

namespace IsVit.Benchmarks.Imaging;

/// <summary>64 JPEG photographs, decoded, resized, cropped and normalised to 3 x 224 x 224; the baseline decodes on one thread.</summary>
public class ImageLoading
{
    private const int Count = 64;
    private ImageList _images = null!;

    [GlobalSetup]
    public void Setup() => _images = ImageFolder.Read(CalibrationImages.Folder!).Take(Count);

    [Benchmark(Baseline = true, Description = "one thread")]
    public void OneThread() => Load(new() { Parallelism = 1 });

    [Benchmark(Description = "a thread a processor")]
    public void AllThreads() => Load(new());

    private void Load(ImageLoaderOptions options)
    {
        foreach (var batch in new ImageFileSource(_images, ImagePreprocessing.ImageNet, options).ReadBatches(16))
        {
            batch.Dispose();
        }
    }
}

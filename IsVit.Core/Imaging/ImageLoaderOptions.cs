namespace IsVit.Core.Imaging;

/// <summary>What happens when an image cannot be read.</summary>
public enum UnreadableImage
{
    /// <summary>The reading ends with an <see cref="ImageException"/> that names it.</summary>
    Throw,

    /// <summary>It is left out, and reported to <see cref="ImageLoaderOptions.OnSkipped"/>.</summary>
    Skip,
}

/// <summary>How <see cref="ImageFileSource"/> reads image files.</summary>
public sealed record ImageLoaderOptions
{
    private readonly int _parallelism = Math.Clamp(Environment.ProcessorCount, 1, MaxParallelism);
    private readonly int _prefetchBatches = 2;

    /// <summary>The largest <see cref="Parallelism"/>.</summary>
    public const int MaxParallelism = 256;

    /// <summary>The largest <see cref="PrefetchBatches"/>.</summary>
    public const int MaxPrefetchBatches = 1024;

    /// <summary>Threads that decode, 1 to <see cref="MaxParallelism"/>; the number of processors by default.</summary>
    public int Parallelism
    {
        get => _parallelism;
        init => _parallelism = value is >= 1 and <= MaxParallelism
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Parallelism), value, $"Parallelism is 1 to {MaxParallelism}.");
    }

    /// <summary>
    /// Batches that are decoded ahead of the one that the reader has, 1 to <see cref="MaxPrefetchBatches"/>; 2 by default. Bounds the memory: no more than
    /// this many are in the making or wait while the reader works on one.
    /// </summary>
    public int PrefetchBatches
    {
        get => _prefetchBatches;
        init => _prefetchBatches = value is >= 1 and <= MaxPrefetchBatches
            ? value
            : throw new ArgumentOutOfRangeException(nameof(PrefetchBatches), value, $"PrefetchBatches is 1 to {MaxPrefetchBatches}.");
    }

    /// <summary>Whether an image that cannot be read ends the reading or is left out.</summary>
    public UnreadableImage Unreadable { get; init; } = UnreadableImage.Throw;

    /// <summary>Told of every skipped image, in order, on the thread that reads the batches.</summary>
    public Action<ImageException>? OnSkipped { get; init; }

    /// <summary>What image files are accepted.</summary>
    public ImageDecoderOptions Decoding { get; init; } = new();
}

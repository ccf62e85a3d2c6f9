namespace IsVit.Core.Imaging;

/// <summary>What happens when an image cannot be read.</summary>
public enum UnreadableImage
{
    /// <summary>Reading stops with an <see cref="ImageException"/> that names the image.</summary>
    Throw,

    /// <summary>The image is skipped, and reported to <see cref="ImageLoaderOptions.OnSkipped"/>.</summary>
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

    /// <summary>The number of decoding threads, 1 to <see cref="MaxParallelism"/>; the number of processors by default.</summary>
    public int Parallelism
    {
        get => _parallelism;
        init => _parallelism = value is >= 1 and <= MaxParallelism
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Parallelism), value, $"Parallelism is 1 to {MaxParallelism}.");
    }

    /// <summary>
    /// The number of batches decoded ahead of the one in use by the reader, 1 to <see cref="MaxPrefetchBatches"/>; 2 by default. Bounds the memory: no more than
    /// this many batches are being decoded or waiting while the reader works on one.
    /// </summary>
    public int PrefetchBatches
    {
        get => _prefetchBatches;
        init => _prefetchBatches = value is >= 1 and <= MaxPrefetchBatches
            ? value
            : throw new ArgumentOutOfRangeException(nameof(PrefetchBatches), value, $"PrefetchBatches is 1 to {MaxPrefetchBatches}.");
    }

    /// <summary>Whether an image that cannot be read stops reading or is skipped.</summary>
    public UnreadableImage Unreadable { get; init; } = UnreadableImage.Throw;

    /// <summary>Receives every skipped image, in order, on the thread that reads the batches.</summary>
    public Action<ImageException>? OnSkipped { get; init; }

    /// <summary>Which image files are accepted.</summary>
    public ImageDecoderOptions Decoding { get; init; } = new();
}

namespace IsVit.Core.Imaging;

/// <summary>A set of images in a fixed order, which can be read in batches repeatedly, with the same content each time.</summary>
public interface IImageSource
{
    /// <summary>The number of images; some of them may turn out to be unreadable.</summary>
    int Count { get; }

    /// <summary>Whether batches have labels.</summary>
    bool HasLabels { get; }

    /// <summary>Reads all images, in order.</summary>
    /// <param name="batchSize">Images per batch, at least 1; only the last batch may have fewer.</param>
    /// <param name="cancellationToken">Stops reading with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>Batches, each to be disposed by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    /// <exception cref="ImageException">An image cannot be read, and the source does not skip such images.</exception>
    IEnumerable<ImageBatch> ReadBatches(int batchSize, CancellationToken cancellationToken = default);
}

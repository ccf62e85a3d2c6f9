namespace IsVit.Core.Imaging;

/// <summary>A set of images in a fixed order, read in batches as often as wanted, with the same content each time.</summary>
public interface IImageSource
{
    /// <summary>The number of images; some of them may turn out unreadable.</summary>
    int Count { get; }

    /// <summary>Whether batches have labels.</summary>
    bool HasLabels { get; }

    /// <summary>Reads all images, in order.</summary>
    /// <param name="batchSize">Images a batch, at least 1; only the last may have fewer.</param>
    /// <param name="cancellationToken">Ends the reading with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>Batches, each to be disposed by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    /// <exception cref="ImageException">An image cannot be read, and the source does not skip such images.</exception>
    IEnumerable<ImageBatch> ReadBatches(int batchSize, CancellationToken cancellationToken = default);
}

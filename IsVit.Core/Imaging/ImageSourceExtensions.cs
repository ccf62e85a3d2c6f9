namespace IsVit.Core.Imaging;

/// <summary>Extension methods for every <see cref="IImageSource"/>.</summary>
public static class ImageSourceExtensions
{
    /// <summary>Reads all images into one batch, e.g. for calibration. 1024 colour images of 224 pixels take 617 MB.</summary>
    /// <param name="source">The images.</param>
    /// <param name="cancellationToken">Stops reading with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>One batch of all (readable) images; the caller disposes it.</returns>
    /// <exception cref="ImageException">An image cannot be read and the source does not skip such images; or there is no readable image at all.</exception>
    public static ImageBatch LoadAll(this IImageSource source, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        foreach (var batch in source.ReadBatches(Math.Max(source.Count, 1), cancellationToken))
        {
            return batch;
        }

        throw new ImageException("images", $"none of the {source.Count} images can be read.");
    }
}

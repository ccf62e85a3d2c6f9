using TorchSharp;

namespace IsVit.Detection.Imaging;

/// <summary>A batch of normalized images, padded to a common size, with the size of each.</summary>
public sealed class DetectorInput : IDisposable
{
    /// <summary>Creates a batch.</summary>
    /// <param name="images">[batch, channels, height, width], which this object disposes. Images are in the upper left corner, zeros beside them.</param>
    /// <param name="geometries">One for each image; null where no image is padded or resized.</param>
    /// <exception cref="ArgumentException">The shape has another number of axes, or a size does not fit into the tensor or is below 1.</exception>
    public DetectorInput(torch.Tensor images, IReadOnlyList<ImageGeometry>? geometries = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.dim() != 4)
        {
            throw new ArgumentException($"The images have shape [{string.Join(", ", images.shape)}]; expected [batch, channels, height, width].", nameof(images));
        }

        var (count, height, width) = ((int)images.shape[0], (int)images.shape[2], (int)images.shape[3]);
        geometries ??= [.. Enumerable.Repeat(new ImageGeometry(height, width), count)];
        if (geometries.Count != count)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {geometries.Count} geometries and {count} images; expected one for each."), nameof(geometries));
        }

        for (var i = 0; i < count; i++)
        {
            var own = geometries[i];
            if (own.Height < 1 || own.Width < 1 || own.Height > height || own.Width > width || own.OriginalHeight < 1 || own.OriginalWidth < 1)
            {
                throw new ArgumentException(FormattableString.Invariant($"Image {i} is said to be {own.Height} x {own.Width} (before resizing {own.OriginalHeight} x {own.OriginalWidth}) in a batch of {height} x {width}; expected sides of at least 1 that fit into it."), nameof(geometries));
            }
        }

        (Images, Geometries) = (images, geometries);
    }

    /// <summary>[batch, channels, height, width].</summary>
    public torch.Tensor Images { get; }

    /// <summary>The size of each image.</summary>
    public IReadOnlyList<ImageGeometry> Geometries { get; }

    /// <summary>The number of images.</summary>
    public int Count => Geometries.Count;

    /// <inheritdoc/>
    public void Dispose() => Images.Dispose();
}

namespace IsVit.Tool.Data;

/// <summary>Grey images of one size with their labels.</summary>
internal sealed class ImageSet
{
    /// <summary>Puts images and labels together.</summary>
    /// <param name="images">Pixels 0 to 255, [count, height, width].</param>
    /// <param name="labels">Class numbers, one an image.</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public ImageSet(byte[] images, byte[] labels, int height, int width)
    {
        if (images.Length != (long)labels.Length * height * width)
        {
            throw new ArgumentException($"{images.Length} pixels are not {labels.Length} images of {height} x {width}.", nameof(images));
        }

        Pixels = images;
        Labels = labels;
        Height = height;
        Width = width;
    }

    /// <summary>Pixels 0 to 255, [count, height, width].</summary>
    public byte[] Pixels { get; }

    /// <summary>Class numbers, one an image.</summary>
    public byte[] Labels { get; }

    /// <summary>Rows of an image.</summary>
    public int Height { get; }

    /// <summary>Columns of an image.</summary>
    public int Width { get; }

    /// <summary>The number of images.</summary>
    public int Count => Labels.Length;

    /// <summary>The pixels of one image, [height, width].</summary>
    /// <param name="index">Which image.</param>
    public ReadOnlySpan<byte> Image(int index) => Pixels.AsSpan(index * Height * Width, Height * Width);

    /// <summary>The chosen images, in the given order.</summary>
    /// <param name="indices">Which images.</param>
    public ImageSet Select(ReadOnlySpan<int> indices)
    {
        var size = Height * Width;
        var pixels = new byte[(long)indices.Length * size];
        var labels = new byte[indices.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            Image(indices[i]).CopyTo(pixels.AsSpan(i * size));
            labels[i] = Labels[indices[i]];
        }

        return new ImageSet(pixels, labels, Height, Width);
    }

    /// <summary>Some images chosen by a seed, without repetition, in the order of their drawing.</summary>
    /// <param name="count">How many, at most <see cref="Count"/>.</param>
    /// <param name="seed">The seed.</param>
    public ImageSet Sample(int count, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        var indices = Enumerable.Range(0, Count).ToArray();
        new Random(seed).Shuffle(indices);
        return Select(indices.AsSpan(0, count));
    }
}

using System.Collections;

namespace IsVit.Core.Imaging;

/// <summary>Image files in a fixed order; immutable.</summary>
public sealed class ImageList : IReadOnlyList<ImageItem>
{
    private readonly ImageItem[] _items;

    /// <summary>Creates a list.</summary>
    /// <param name="items">The images, in the order in which they are read.</param>
    /// <param name="classNames">The name of each class, label 0 first; null or empty if they have none.</param>
    public ImageList(IEnumerable<ImageItem> items, IReadOnlyList<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(items);
        _items = [.. items];
        ClassNames = classNames ?? [];
        HasLabels = _items.Length > 0 && Array.TrueForAll(_items, item => item.Label is not null);
    }

    /// <summary>The number of images.</summary>
    public int Count => _items.Length;

    /// <summary>Whether the list is not empty and every image has a label.</summary>
    public bool HasLabels { get; }

    /// <summary>The name of each class, label 0 first; empty if classes have none.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The image at a position.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public ImageItem this[int index] => _items[index];

    /// <summary>Returns the first images.</summary>
    /// <param name="count">How many, 0 to <see cref="Count"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer images.</exception>
    public ImageList Take(int count)
        => count >= 0 && count <= Count
            ? new ImageList(_items[..count], ClassNames)
            : throw new ArgumentOutOfRangeException(nameof(count), count, $"The list has {Count} images.");

    /// <summary>Returns the images in an order that depends only on the seed (see <see cref="StableShuffle"/>), so that a sample is identified by its seed.</summary>
    /// <param name="seed">Any number.</param>
    public ImageList Shuffle(long seed) => new(StableShuffle.Permutation(Count, seed).Select(i => _items[i]), ClassNames);

    /// <inheritdoc/>
    public IEnumerator<ImageItem> GetEnumerator() => ((IEnumerable<ImageItem>)_items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

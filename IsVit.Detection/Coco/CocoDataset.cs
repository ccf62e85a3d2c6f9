namespace IsVit.Detection.Coco;

/// <summary>Pictures, classes and the objects in the pictures, as COCO's instance annotations (instances_val2017.json) have them. It cannot be changed.</summary>
/// <remarks>
/// What pycocotools evaluates is accepted and gives the same numbers; where it is suspicious, <see cref="Warnings"/> says so. What makes pycocotools fail, or
/// lose annotations (two with one id), is refused. Beyond pycocotools: an absent iscrowd is 0, an absent area that of the box, and an absent bbox that of the
/// segmentation.
/// </remarks>
public sealed class CocoDataset
{
    /// <summary>Creates a dataset.</summary>
    /// <param name="images">The pictures.</param>
    /// <param name="categories">The classes.</param>
    /// <param name="annotations">The objects, in the order in which equal ones are matched.</param>
    /// <exception cref="CocoException">Two annotations have one id, or a number of one is not finite.</exception>
    public CocoDataset(IEnumerable<CocoImage> images, IEnumerable<CocoCategory> categories, IEnumerable<CocoAnnotation> annotations)
        : this(Listed(images, nameof(images)), Listed(categories, nameof(categories)), Listed(annotations, nameof(annotations)), null, new())
    {
    }

    internal CocoDataset(IReadOnlyList<CocoImage> images, IReadOnlyList<CocoCategory> categories, IReadOnlyList<CocoAnnotation> annotations, string? path, WarningCounts warnings)
    {
        (Images, Categories, Annotations, Path) = (images, categories, annotations, path);
        foreach (var image in images)
        {
            if (!ImagesById.TryAdd(image.Id, image))
            {
                warnings.Add("images with the id of another; the last one counts", image.Id);
                ImagesById[image.Id] = image;
            }
        }

        foreach (var category in categories)
        {
            if (!CategoriesById.TryAdd(category.Id, category))
            {
                warnings.Add("categories with the id of another; the last one counts", category.Id);
                CategoriesById[category.Id] = category;
            }
        }

        var ids = new HashSet<long>(annotations.Count);
        foreach (var annotation in annotations)
        {
            if (!ids.Add(annotation.Id))
            {
                throw new CocoException(path, EntryOf(annotation), "an id that no other annotation has", "two with it", annotation.Id);
            }

            Check(annotation, warnings);
        }

        Warnings = warnings.ToList();
    }

    /// <summary>The pictures, in the order of the file.</summary>
    public IReadOnlyList<CocoImage> Images { get; }

    /// <summary>The classes, in the order of the file.</summary>
    public IReadOnlyList<CocoCategory> Categories { get; }

    /// <summary>The objects, in the order of the file, also those that <see cref="Warnings"/> says are not evaluated.</summary>
    public IReadOnlyList<CocoAnnotation> Annotations { get; }

    /// <summary>What is suspicious, though pycocotools accepts it: how often, and where first.</summary>
    public IReadOnlyList<CocoWarning> Warnings { get; }

    internal string? Path { get; }

    internal Dictionary<long, CocoImage> ImagesById { get; } = [];

    internal Dictionary<long, CocoCategory> CategoriesById { get; } = [];

    /// <summary>Reads a file of instance annotations (JSON). Members that are not of the format are ignored.</summary>
    /// <param name="path">The file; one of any size is read piece by piece.</param>
    /// <exception cref="CocoException">The file cannot be read, is not JSON, lacks images, categories or a required member, or holds what the constructor refuses or a mask whose runs do not fit.</exception>
    public static CocoDataset Read(string path)
    {
        using var stream = CocoReader.Open(path);
        return CocoReader.Dataset(stream, path);
    }

    /// <summary>Reads instance annotations (JSON).</summary>
    /// <param name="stream">The text in UTF-8; it is read to its end and stays open.</param>
    /// <exception cref="CocoException">As for a file.</exception>
    public static CocoDataset Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return CocoReader.Dataset(stream, null);
    }

    /// <summary>Writes the dataset as JSON that pycocotools reads: images, categories and annotations; polygons as they are, masks as compressed strings.</summary>
    /// <param name="path">The file, replaced if it exists; it appears whole or not at all. Its folder must exist.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CocoWriter.Save(path, this);
    }

    internal static string EntryOf(CocoAnnotation annotation) => FormattableString.Invariant($"annotation {annotation.Id}");

    private static T[] Listed<T>(IEnumerable<T> entries, string name)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(entries, name);
        T[] list = [.. entries];
        return Array.IndexOf(list, null) is var index and >= 0 ? throw new ArgumentException(FormattableString.Invariant($"Entry {index} is null."), name) : list;
    }

    private void Check(CocoAnnotation annotation, WarningCounts warnings)
    {
        if (!annotation.Box.IsFinite || !double.IsFinite(annotation.Area))
        {
            throw new CocoException(Path, EntryOf(annotation), "finite numbers as box and area", FormattableString.Invariant($"{annotation.Box} and {annotation.Area}"), annotation.Id);
        }

        WarnIf(!ImagesById.ContainsKey(annotation.ImageId), "annotations of an image that is not listed; they are not evaluated");
        WarnIf(!CategoriesById.ContainsKey(annotation.CategoryId), "annotations of a category that is not listed; they are not evaluated");
        WarnIf(annotation.Id == 0, "annotations with the id 0; as in pycocotools, a detection that is matched with it counts as a false positive");
        WarnIf(annotation.Box is { Width: <= 0 } or { Height: <= 0 }, "boxes with a side that is 0 or negative; no box is matched with them");
        WarnIf(annotation.Area == 0, "annotations with area 0");
        WarnIf(annotation.Area < 0, "annotations with a negative area; they are ignored, being in no area range");
        if (annotation.Segmentation?.Polygons is { } polygons)
        {
            WarnIf(annotation.Segmentation.IsRefusedByPycocotools, "segmentations whose first polygon has less than three corners; masks cannot be evaluated");
            WarnIf(polygons.Any(static p => p.Length < 6), "segmentations with a polygon of less than three corners, which holds nothing");
            WarnIf(polygons.Any(static p => p.Length % 2 != 0), "segmentations with a polygon of an odd number of coordinates, whose last is left out");
        }

        if (annotation.Segmentation?.Mask is { } mask && ImagesById.TryGetValue(annotation.ImageId, out var image))
        {
            WarnIf(image.Height > 0 && image.Width > 0 && (image.Height != mask.Height || image.Width != mask.Width), "masks of another size than their image; only masks of that size are matched with them");
        }

        void WarnIf(bool condition, string what)
        {
            if (condition)
            {
                warnings.Add(what, annotation.Id);
            }
        }
    }
}

using System.Text.Json;
using IsVit.Detection.Masks;

namespace IsVit.Detection.Coco;

/// <summary>Reads COCO's files. What it does not know is skipped.</summary>
internal static class CocoReader
{
    private const int BufferSize = 1 << 18;

    private delegate void MemberReader<T>(ref CocoJson json, string name, T entry);

    private delegate TResult EntryEnd<T, TResult>(T entry, int index);

    public static CocoDataset Dataset(Stream stream, string? path, int bufferSize = BufferSize)
    {
        var json = new CocoJson(stream, path, bufferSize);
        List<CocoImage>? images = null;
        List<CocoCategory>? categories = null;
        List<Entry> annotations = [];
        var warnings = new WarningCounts();
        Require(json.Read() && json.Token == JsonTokenType.StartObject, ref json, path, null, "an object with images, categories and annotations (a file of results is an array)");
        while (json.ReadMember(out var name))
        {
            switch (name)
            {
                case "images":
                    images = Entries(ref json, path, name, ReadImageMember, (entry, index) => Image(entry, path, index, warnings));
                    break;
                case "categories":
                    categories = Entries(ref json, path, name, ReadCategoryMember, (entry, index) => new CocoCategory(Required(entry.Id, path, entry, "categories", index, "id"), entry.Text ?? string.Empty, entry.Supercategory));
                    break;
                case "annotations":
                    annotations = Entries(ref json, path, name, ReadAnnotationMember, (entry, _) => entry);
                    break;
                default:
                    json.Skip();
                    break;
            }
        }

        // The reader throws at anything but white space after the closing brace.
        json.Read();
        Require(images is not null, ref json, path, null, "images in the file");
        Require(categories is not null, ref json, path, null, "categories in the file");
        var byId = new Dictionary<long, CocoImage>();
        foreach (var image in images!)
        {
            byId[image.Id] = image;
        }

        return new CocoDataset(images, categories!, [.. annotations.Select((entry, index) => Annotation(entry, index, path, byId, warnings))], path, warnings);
    }

    public static IReadOnlyList<CocoResult> Results(Stream stream, string? path, int bufferSize = BufferSize)
    {
        var json = new CocoJson(stream, path, bufferSize);
        Require(json.Read() && json.Token == JsonTokenType.StartArray, ref json, path, null, "an array of results");
        var results = Entries(ref json, path, null, ReadResultMember, (entry, index) => Result(entry, index, path));
        json.Read();
        return results;
    }

    public static FileStream Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CocoException(path, null, "a file that can be read", e is FileNotFoundException or DirectoryNotFoundException ? "none" : e.Message.TrimEnd('.'), innerException: e);
        }
    }

    // What an array of objects holds. An error is thrown at the end of its object, when the id is known wherever it stands in it.
    private static List<TResult> Entries<TResult>(ref CocoJson json, string? path, string? list, MemberReader<Entry> read, EntryEnd<Entry, TResult> end)
    {
        Require(json.Token == JsonTokenType.StartArray, ref json, path, null, $"an array as {list}");
        var results = new List<TResult>();
        var numbers = new List<double>();
        while (json.ReadElement())
        {
            var entry = new Entry(numbers);
            Require(json.Token == JsonTokenType.StartObject, ref json, path, Place(list, results.Count, null), "an object");
            CocoEntryException? failure = null;
            var depth = json.Depth + 1;
            while (json.ReadMember(out var name))
            {
                try
                {
                    read(ref json, name, entry);
                }
                catch (CocoEntryException e)
                {
                    failure ??= e;
                    json.SkipTo(depth);
                }
            }

            if (failure is not null)
            {
                throw new CocoException(path, Place(list, results.Count, entry.Id), failure.Expected, failure.Found, list == "annotations" ? entry.Id : null);
            }

            results.Add(end(entry, results.Count));
        }

        return results;
    }

    private static void ReadImageMember(ref CocoJson json, string name, Entry entry)
    {
        switch (name)
        {
            case "id":
                entry.Id = json.Whole(name);
                break;
            case "file_name":
                entry.Text = json.TextOrNull();
                break;
            case "width" when json.Token != JsonTokenType.Null:
                entry.Width = Side(ref json, name);
                break;
            case "height" when json.Token != JsonTokenType.Null:
                entry.Height = Side(ref json, name);
                break;
            default:
                json.Skip();
                break;
        }
    }

    private static void ReadCategoryMember(ref CocoJson json, string name, Entry entry)
    {
        switch (name)
        {
            case "id":
                entry.Id = json.Whole(name);
                break;
            case "name":
                entry.Text = json.TextOrNull();
                break;
            case "supercategory":
                entry.Supercategory = json.TextOrNull();
                break;
            default:
                json.Skip();
                break;
        }
    }

    private static void ReadAnnotationMember(ref CocoJson json, string name, Entry entry)
    {
        switch (name)
        {
            case "id":
                entry.Id = json.Whole(name);
                break;
            case "image_id":
                entry.ImageId = json.Whole(name);
                break;
            case "category_id":
                entry.CategoryId = json.Whole(name);
                break;
            case "area" when json.Token != JsonTokenType.Null:
                entry.Area = json.Double(name);
                break;
            case "iscrowd" when json.Token != JsonTokenType.Null:
                entry.IsCrowd = json.Token == JsonTokenType.True || (json.Token != JsonTokenType.False && json.Whole(name) != 0);
                break;
            case "bbox" when json.Token != JsonTokenType.Null:
                ReadBox(ref json, entry);
                break;
            case "segmentation" when json.Token != JsonTokenType.Null:
                ReadSegmentation(ref json, entry);
                break;
            default:
                json.Skip();
                break;
        }
    }

    private static void ReadResultMember(ref CocoJson json, string name, Entry entry)
    {
        switch (name)
        {
            case "image_id" or "category_id" or "bbox" or "segmentation":
                ReadAnnotationMember(ref json, name, entry);
                break;
            case "score" when json.Token != JsonTokenType.Null:
                entry.Score = json.Double(name);
                break;
            default:
                // Areas and ids in results are not looked at.
                json.Skip();
                break;
        }
    }

    private static int Side(ref CocoJson json, string name)
    {
        var side = json.Whole(name);
        json.Require(side <= int.MaxValue, $"a number of pixels as {name}");
        return (int)Math.Max(side, 0);
    }

    private static void ReadBox(ref CocoJson json, Entry entry)
    {
        var numbers = entry.Numbers;
        ReadNumbers(ref json, numbers, "bbox");
        json.Require(numbers.Count is 0 or 4, "x, y, width and height in bbox");

        // pycocotools takes an empty one as none.
        entry.Box = numbers.Count == 0 ? null : new CocoBox(numbers[0], numbers[1], numbers[2], numbers[3]);
    }

    private static void ReadNumbers(ref CocoJson json, List<double> numbers, string name)
    {
        json.Require(json.Token == JsonTokenType.StartArray, $"an array as {name}");
        numbers.Clear();
        while (json.ReadElement())
        {
            numbers.Add(json.Double($"an element of {name}"));
        }
    }

    private static void ReadSegmentation(ref CocoJson json, Entry entry)
    {
        (entry.Polygons, entry.Counts, entry.Compressed, entry.MaskSize, entry.IsFlat) = (null, null, null, null, false);
        if (json.Token == JsonTokenType.StartObject)
        {
            ReadMask(ref json, entry);
            return;
        }

        json.Require(json.Token == JsonTokenType.StartArray, "polygons or a mask as segmentation");
        var polygons = new List<double[]>();
        while (json.ReadElement())
        {
            if (json.Token == JsonTokenType.Number)
            {
                entry.IsFlat = true;
            }
            else
            {
                ReadNumbers(ref json, entry.Numbers, "a polygon");
                polygons.Add([.. entry.Numbers]);
            }
        }

        entry.Polygons = polygons.Count == 0 || entry.IsFlat ? null : [.. polygons];
    }

    private static void ReadMask(ref CocoJson json, Entry entry)
    {
        while (json.ReadMember(out var name))
        {
            switch (name)
            {
                case "size":
                    ReadNumbers(ref json, entry.Numbers, name);
                    json.Require(entry.Numbers.Count == 2 && entry.Numbers.TrueForAll(side => side is >= 1 and <= int.MaxValue && Math.Floor(side) == side), "a height and a width from 1 as size of the mask");
                    entry.MaskSize = ((int)entry.Numbers[0], (int)entry.Numbers[1]);
                    break;
                case "counts" when json.Token == JsonTokenType.String:
                    entry.Compressed = json.Text();
                    break;
                case "counts":
                    json.Require(json.Token == JsonTokenType.StartArray, "an array or a text as counts of the mask");
                    var counts = new List<int>();
                    while (json.ReadElement())
                    {
                        var count = json.Whole("a run of the mask");
                        json.Require(count is >= 0 and <= int.MaxValue, "a run of the mask from 0");
                        counts.Add((int)count);
                    }

                    entry.Counts = [.. counts];
                    break;
                default:
                    json.Skip();
                    break;
            }
        }

        json.Require(entry.MaskSize is not null && (entry.Compressed ?? (object?)entry.Counts) is not null, "size and counts in the mask");
    }

    private static CocoImage Image(Entry entry, string? path, int index, WarningCounts warnings)
    {
        var id = Required(entry.Id, path, entry, "images", index, "id");
        if (entry.Width == 0 || entry.Height == 0)
        {
            warnings.Add("images without width and height; polygons in them cannot be made masks", id);
        }

        return new CocoImage(id, entry.Text ?? string.Empty, entry.Width, entry.Height);
    }

    private static CocoAnnotation Annotation(Entry entry, int index, string? path, Dictionary<long, CocoImage> images, WarningCounts warnings)
    {
        var id = Required(entry.Id, path, entry, "annotations", index, "id");
        var imageId = Required(entry.ImageId, path, entry, "annotations", index, "image_id");
        var categoryId = Required(entry.CategoryId, path, entry, "annotations", index, "category_id");
        var place = Place("annotations", index, id);
        var segmentation = Segmentation(entry, place, id, path);
        if (entry.IsFlat)
        {
            warnings.Add("segmentations that are numbers instead of lists of numbers; they count as absent", id);
        }

        RunLengthMask? mask = null;
        if (entry.Box is null)
        {
            images.TryGetValue(imageId, out var image);
            if (segmentation is null || (segmentation.Mask is null && image is not { Height: > 0, Width: > 0 }))
            {
                throw new CocoException(path, place, "a bbox, or a segmentation to take it from", "none", id);
            }

            mask = Drawn(segmentation, image, place, id, path);
            warnings.Add("annotations without bbox; that of the mask is taken", id);
        }

        if (entry.Area is null)
        {
            warnings.Add($"annotations without area; that of the {(mask is null ? "bbox" : "mask")} is taken", id);
        }

        var box = entry.Box ?? mask!.BoundingBox;
        return new CocoAnnotation(id, imageId, categoryId, box, entry.Area ?? mask?.Area ?? box.Area, entry.IsCrowd, segmentation);
    }

    private static CocoResult Result(Entry entry, int index, string? path)
    {
        var imageId = Required(entry.ImageId, path, entry, null, index, "image_id");
        var categoryId = Required(entry.CategoryId, path, entry, null, index, "category_id");
        if (entry.Score is not { } score)
        {
            throw new CocoException(path, Place(null, index, null), "a score", "none");
        }

        var segmentation = Segmentation(entry, Place(null, index, null), null, path);
        return entry.Box is null && segmentation is null
            ? throw new CocoException(path, Place(null, index, null), "a bbox or a segmentation", "neither")
            : new CocoResult(imageId, categoryId, score, entry.Box, segmentation);
    }

    private static CocoSegmentation? Segmentation(Entry entry, string place, long? id, string? path)
    {
        if (entry.MaskSize is not var (height, width))
        {
            return entry.Polygons is null ? null : new CocoSegmentation(entry.Polygons);
        }

        try
        {
            return new CocoSegmentation(entry.Compressed is not null ? RunLengthMask.FromCompressed(entry.Compressed, height, width) : RunLengthMask.FromCounts(entry.Counts, height, width));
        }
        catch (ArgumentException e)
        {
            throw CocoException.Of(path, place, id, e);
        }
    }

    private static RunLengthMask Drawn(CocoSegmentation segmentation, CocoImage? image, string place, long id, string? path)
    {
        try
        {
            return segmentation.ToMask(image?.Height ?? 0, image?.Width ?? 0);
        }
        catch (ArgumentException e)
        {
            throw CocoException.Of(path, place, id, e);
        }
    }

    private static long Required(long? value, string? path, Entry entry, string? list, int index, string name)
        => value ?? throw new CocoException(path, Place(list, index, entry.Id), $"a number as {name}", "none", list == "annotations" ? entry.Id : null);

    private static string Place(string? list, int index, long? id) => list switch
    {
        null => FormattableString.Invariant($"result {index + 1}"),
        _ when id is null => FormattableString.Invariant($"{list}[{index}]"),
        "categories" => FormattableString.Invariant($"category {id}"),
        _ => FormattableString.Invariant($"{list[..^1]} {id}"),
    };

    private static void Require(bool condition, ref CocoJson json, string? path, string? place, string expected)
    {
        if (!condition)
        {
            throw new CocoException(path, place, expected, json.Describe());
        }
    }

    /// <summary>What an image, category, annotation or result may hold.</summary>
    private sealed class Entry(List<double> numbers)
    {
        public long? Id { get; set; }

        public long? ImageId { get; set; }

        public long? CategoryId { get; set; }

        public string? Text { get; set; }

        public string? Supercategory { get; set; }

        public int Width { get; set; }

        public int Height { get; set; }

        public double? Score { get; set; }

        public double? Area { get; set; }

        public bool IsCrowd { get; set; }

        public CocoBox? Box { get; set; }

        public double[][]? Polygons { get; set; }

        public (int Height, int Width)? MaskSize { get; set; }

        public int[]? Counts { get; set; }

        public string? Compressed { get; set; }

        public bool IsFlat { get; set; }

        // Of the array that is being read.
        public List<double> Numbers { get; } = numbers;
    }
}

namespace IsVit.Detection.Coco;

/// <summary>Reads and writes detections in COCO's results format: an array of objects with image_id, category_id, score and bbox or segmentation.</summary>
public static class CocoResults
{
    /// <summary>Reads a file of results (JSON). Members that are not of the format are ignored.</summary>
    /// <param name="path">The file; one of any size is read piece by piece.</param>
    /// <returns>The detections, in the order of the file.</returns>
    /// <exception cref="CocoException">The file cannot be read, is not JSON or not an array, or a result lacks its image, class, score, or both box and segmentation, or has a mask whose runs do not fit.</exception>
    public static IReadOnlyList<CocoResult> Read(string path)
    {
        using var stream = CocoReader.Open(path);
        return CocoReader.Results(stream, path);
    }

    /// <summary>Reads results (JSON).</summary>
    /// <param name="stream">The text in UTF-8; it is read to its end and stays open.</param>
    /// <returns>The detections, in the order of the file.</returns>
    /// <exception cref="CocoException">As for a file.</exception>
    public static IReadOnlyList<CocoResult> Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return CocoReader.Results(stream, null);
    }

    /// <summary>Writes results as JSON that pycocotools reads: polygons as they are, masks as compressed strings.</summary>
    /// <param name="path">The file, replaced if it exists; it appears whole or not at all. Its folder must exist.</param>
    /// <param name="results">The detections; of those with equal scores in a picture the first counts as better.</param>
    /// <exception cref="CocoException">A result has neither box nor segmentation, or a number that is not finite.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, IEnumerable<CocoResult> results)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(results);
        CocoResult[] list = [.. results];
        for (var i = 0; i < list.Length; i++)
        {
            Check(list[i], i);
        }

        CocoWriter.Save(path, list);
    }

    internal static string EntryOf(int index) => FormattableString.Invariant($"result {index + 1}");

    /// <summary>What no result may be, in a file or in memory.</summary>
    internal static void Check(CocoResult? result, int index)
    {
        if (result is null)
        {
            throw new CocoException(null, EntryOf(index), "a result", "null");
        }

        if (!double.IsFinite(result.Score) || result.Box is { IsFinite: false })
        {
            throw new CocoException(null, EntryOf(index), "a finite score and box", FormattableString.Invariant($"{result.Score} and {result.Box}"));
        }

        if (result.Box is null && result.Segmentation is null)
        {
            throw new CocoException(null, EntryOf(index), "a box or a segmentation", "neither");
        }
    }
}

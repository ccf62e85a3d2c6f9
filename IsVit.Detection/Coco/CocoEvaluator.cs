using System.Runtime.ExceptionServices;

namespace IsVit.Detection.Coco;

/// <summary>Scores detections as pycocotools' COCOeval does, to the last digits (its sums have another order): boxes or masks, crowds and areas included.</summary>
/// <remarks>
/// The quirks are kept: an object with the id 0 makes the detection that is matched with it a false positive; results of classes that are not listed are
/// ignored; masks of different sizes never match. Only where pycocotools fails, this may give scores: for no results at all (0), and for masks given as runs.
/// </remarks>
public static class CocoEvaluator
{
    /// <summary>Scores results.</summary>
    /// <param name="dataset">The ground truth. All of its pictures count, also those without a result.</param>
    /// <param name="results">
    /// The detections; of those with equal scores in a picture the first is the better. The area of a detection is that of its box if the first result has one (then
    /// all must), and otherwise that of its mask.
    /// </param>
    /// <param name="overlap">What overlap is measured on. For masks, a result without one counts as the rectangle of its box.</param>
    /// <param name="options">What is scored; null for COCO's.</param>
    /// <param name="cancellation">Ends the evaluation early.</param>
    /// <returns>The scores; the same numbers for any count of threads.</returns>
    /// <exception cref="CocoException">
    /// A result is of a picture that is not listed, has a number that is not finite, or lacks the box or mask that is needed; or masks are scored, and an annotation has
    /// none, or one that cannot be drawn, or polygons are in a picture of unknown size.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    public static CocoScores Evaluate(CocoDataset dataset, IReadOnlyList<CocoResult> results, CocoOverlap overlap, CocoEvaluationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        if (!Enum.IsDefined(overlap))
        {
            throw new ArgumentOutOfRangeException(nameof(overlap), overlap, "The overlap is Boxes or Masks.");
        }

        options ??= new();
        long[] categories = [.. dataset.CategoriesById.Keys.Order()];
        var warnings = new WarningCounts();
        var pairs = Pairs(dataset, results, overlap, options, categories, warnings);
        try
        {
            Parallel.ForEach(pairs, new ParallelOptions { CancellationToken = cancellation }, pair => pair.Match(options));
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<CocoException>().OrderBy(static inner => inner.AnnotationId ?? long.MaxValue).FirstOrDefault() is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        var tables = new PrecisionTable?[options.UseCategories ? categories.Length : 1];
        var byGroup = pairs.ToLookup(static pair => pair.Group);
        Parallel.For(0, tables.Length, new ParallelOptions { CancellationToken = cancellation }, group => tables[group] = new PrecisionTable([.. byGroup[group]], options));
        return new CocoScores(overlap, Summary(tables!, options), options.UseCategories ? [.. categories.Select((id, i) => Scores(dataset.CategoriesById[id], tables[i]!, options))] : [], warnings.ToList());
    }

    // What there is of each picture and class (or of each picture), by class and then by picture, ids ascending.
    private static List<MatchedPair> Pairs(CocoDataset dataset, IReadOnlyList<CocoResult> results, CocoOverlap overlap, CocoEvaluationOptions options, long[] categories, WarningCounts warnings)
    {
        var groups = categories.Select((id, index) => (id, index)).ToDictionary(static pair => pair.id, static pair => pair.index);
        var pairs = new Dictionary<(int Group, long Image), MatchedPair>();

        // As in loadRes, the first result decides what all are.
        var areBoxes = results.Count > 0 && results[0] is { Box: not null };
        foreach (var annotation in InOrder(dataset.Annotations, static annotation => annotation.CategoryId, options))
        {
            if (dataset.ImagesById.TryGetValue(annotation.ImageId, out var image) && groups.TryGetValue(annotation.CategoryId, out var group))
            {
                RequireMask(dataset, annotation, image, overlap);
                PairOf(options.UseCategories ? group : 0, image).Truths.Add(annotation);
            }
        }

        for (var i = 0; i < results.Count; i++)
        {
            CocoResults.Check(results[i], i);
            RequireRegion(dataset, results[i], i, areBoxes, overlap);
            if (!groups.ContainsKey(results[i].CategoryId))
            {
                warnings.Add("results of a category that is not listed; they are ignored", i + 1);
            }
            else if (results[i].Segmentation?.Mask is { } mask && dataset.ImagesById[results[i].ImageId] is { Height: > 0, Width: > 0 } image && (image.Height != mask.Height || image.Width != mask.Width))
            {
                warnings.Add("results whose mask has another size than the image; only masks of that size are matched with them", i + 1);
            }
        }

        foreach (var result in InOrder(results, static result => result.CategoryId, options))
        {
            if (groups.TryGetValue(result.CategoryId, out var group))
            {
                PairOf(options.UseCategories ? group : 0, dataset.ImagesById[result.ImageId]).Results.Add(result);
            }
        }

        return [.. pairs.OrderBy(static pair => pair.Key.Group).ThenBy(static pair => pair.Key.Image).Select(static pair => pair.Value)];

        MatchedPair PairOf(int group, CocoImage image)
        {
            if (!pairs.TryGetValue((group, image.Id), out var pair))
            {
                pair = new MatchedPair(group, image, overlap, areBoxes, dataset.Path);
                pairs.Add((group, image.Id), pair);
            }

            return pair;
        }
    }

    // Where classes are taken as one, pycocotools goes through a picture class by class.
    private static IEnumerable<T> InOrder<T>(IReadOnlyList<T> entries, Func<T, long> category, CocoEvaluationOptions options) => options.UseCategories ? entries : entries.OrderBy(category);

    private static void RequireMask(CocoDataset dataset, CocoAnnotation annotation, CocoImage image, CocoOverlap overlap)
    {
        if (overlap == CocoOverlap.Boxes)
        {
            return;
        }

        var problem = annotation.Segmentation switch
        {
            null => "none",
            { IsRefusedByPycocotools: true } => "a first polygon of less than three corners",
            { Mask: null } when image is not { Height: > 0, Width: > 0 } => FormattableString.Invariant($"polygons in image {image.Id} of unknown size"),
            _ => null,
        };
        if (problem is not null)
        {
            throw new CocoException(dataset.Path, CocoDataset.EntryOf(annotation), "a segmentation, to evaluate masks", problem, annotation.Id);
        }
    }

    private static void RequireRegion(CocoDataset dataset, CocoResult result, int index, bool areBoxes, CocoOverlap overlap)
    {
        if (!dataset.ImagesById.TryGetValue(result.ImageId, out var image))
        {
            throw new CocoException(null, CocoResults.EntryOf(index), "an image that the dataset lists", FormattableString.Invariant($"image {result.ImageId}"));
        }

        if (areBoxes ? result.Box is null : result.Segmentation is null)
        {
            throw new CocoException(null, CocoResults.EntryOf(index), areBoxes ? "a box, as the first result has one" : "a segmentation, as the first result has one and no box", "none");
        }

        var isDrawn = result.Segmentation?.Mask is null && (overlap == CocoOverlap.Masks || !areBoxes);
        if (isDrawn && image is not { Height: > 0, Width: > 0 })
        {
            throw new CocoException(null, CocoResults.EntryOf(index), "an image of known size, to make a mask", FormattableString.Invariant($"image {image.Id} without width and height"));
        }
    }

    private static List<KeyValuePair<string, double>> Summary(PrecisionTable[] tables, CocoEvaluationOptions options)
    {
        var last = options.MaxDetections.Count - 1;
        var (at50, at75) = (IndexOf(options, .5), IndexOf(options, .75));
        List<KeyValuePair<string, double>> summary = [new("AP", Precision(tables, null, 0))];
        AddIf(at50 >= 0, "AP50", () => Precision(tables, at50, 0));
        AddIf(at75 >= 0, "AP75", () => Precision(tables, at75, 0));
        for (var range = 1; range < options.AreaRanges.Count; range++)
        {
            summary.Add(new("AP" + options.AreaRanges[range].Suffix, Precision(tables, null, range)));
        }

        for (var most = 0; most <= last; most++)
        {
            summary.Add(new(FormattableString.Invariant($"AR{options.MaxDetections[most]}"), Recall(tables, 0, most)));
        }

        for (var range = 1; range < options.AreaRanges.Count; range++)
        {
            summary.Add(new("AR" + options.AreaRanges[range].Suffix, Recall(tables, range, last)));
        }

        return summary;

        void AddIf(bool condition, string name, Func<double> value)
        {
            if (condition)
            {
                summary.Add(new(name, value()));
            }
        }
    }

    private static CocoCategoryScores Scores(CocoCategory category, PrecisionTable table, CocoEvaluationOptions options)
    {
        PrecisionTable[] tables = [table];
        var (at50, at75) = (IndexOf(options, .5), IndexOf(options, .75));
        return new(category, Precision(tables, null, 0), at50 < 0 ? -1 : Precision(tables, at50, 0), at75 < 0 ? -1 : Precision(tables, at75, 0), Recall(tables, 0, options.MaxDetections.Count - 1));
    }

    private static double Precision(PrecisionTable[] tables, int? threshold, int range)
        => Mean(tables.Where(table => table.HasObjects(range)).Select(table => threshold is { } t ? table.Precision(range, t) : table.Precision(range)));

    private static double Recall(PrecisionTable[] tables, int range, int most) => Mean(tables.Where(table => table.HasObjects(range)).Select(table => table.Recall(range, most)));

    private static double Mean(IEnumerable<double> values)
    {
        double[] all = [.. values];
        return all.Length == 0 ? -1 : all.Sum() / all.Length;
    }

    private static int IndexOf(CocoEvaluationOptions options, double threshold)
    {
        for (var i = 0; i < options.IouThresholds.Count; i++)
        {
            if (Math.Abs(options.IouThresholds[i] - threshold) < 1e-9)
            {
                return i;
            }
        }

        return -1;
    }
}

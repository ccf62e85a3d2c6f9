using IsVit.Detection.Masks;

namespace IsVit.Detection.Coco;

/// <summary>The objects and detections of one picture and class, and which detections are right (evaluateImg of pycocotools).</summary>
internal sealed class MatchedPair(int group, CocoImage image, CocoOverlap overlap, bool areBoxes, string? path)
{
    /// <summary>Of a detection in <see cref="Outcome"/>: it counts as wrong, as right, or not at all.</summary>
    public const byte Wrong = 0;
    public const byte Right = 1;
    public const byte Ignored = 2;

    private byte[] _outcomes = [];
    private int[] _objects = [];

    /// <summary>The class, or 0 where all are taken as one.</summary>
    public int Group { get; } = group;

    public List<CocoAnnotation> Truths { get; } = [];

    public List<CocoResult> Results { get; } = [];

    /// <summary>The scores of the detections that are looked at, best first.</summary>
    public double[] Scores { get; private set; } = [];

    /// <summary>How many objects count in a range of areas.</summary>
    public int Objects(int range) => _objects[range];

    /// <summary>What a detection, by its place in <see cref="Scores"/>, counts as.</summary>
    public byte Outcome(int range, int threshold, int thresholds, int detection) => _outcomes[(((range * thresholds) + threshold) * Scores.Length) + detection];

    public void Match(CocoEvaluationOptions options)
    {
        var detections = Best(options.MaxDetections[^1]);
        Scores = [.. detections.Select(static detection => detection.Score)];
        var (ious, areas) = Overlaps(detections);
        var (ranges, thresholds) = (options.AreaRanges.Count, options.IouThresholds.Count);
        _objects = new int[ranges];
        _outcomes = new byte[ranges * thresholds * detections.Length];
        var isTaken = new bool[Truths.Count];
        for (var range = 0; range < ranges; range++)
        {
            var inRange = options.AreaRanges[range];
            bool[] isIgnored = [.. Truths.Select(truth => truth.IsCrowd || !inRange.Holds(truth.Area))];
            _objects[range] = isIgnored.Count(static ignored => !ignored);

            // Those that count come first; the order within both kinds stays.
            int[] order = [.. Enumerable.Range(0, Truths.Count).OrderBy(i => isIgnored[i])];
            for (var threshold = 0; threshold < thresholds; threshold++)
            {
                Array.Clear(isTaken);
                var outcomes = _outcomes.AsSpan(((range * thresholds) + threshold) * detections.Length, detections.Length);
                for (var detection = 0; detection < detections.Length; detection++)
                {
                    var match = BestMatch(ious.AsSpan(detection * Truths.Count, Truths.Count), order, isIgnored, isTaken, options.IouThresholds[threshold]);
                    if (match >= 0)
                    {
                        isTaken[match] = true;
                    }

                    // pycocotools marks a match by the object's id, and no match by 0.
                    var isMatched = match >= 0 && Truths[match].Id != 0;
                    outcomes[detection] = (match >= 0 && isIgnored[match]) || (!isMatched && !inRange.Holds(areas[detection])) ? Ignored
                        : isMatched ? Right
                        : Wrong;
                }
            }
        }
    }

    // Of the objects that are free, or are crowds, the one with the largest overlap, of equal ones the last; one that does not count only where no other is overlapped enough.
    private int BestMatch(ReadOnlySpan<double> ious, int[] order, bool[] isIgnored, bool[] isTaken, double threshold)
    {
        var best = Math.Min(threshold, 1 - 1e-10);
        var match = -1;
        foreach (var truth in order)
        {
            if (isTaken[truth] && !Truths[truth].IsCrowd)
            {
                continue;
            }

            if (match >= 0 && !isIgnored[match] && isIgnored[truth])
            {
                break;
            }

            if (ious[truth] >= best)
            {
                best = ious[truth];
                match = truth;
            }
        }

        return match;
    }

    private CocoResult[] Best(int most)
    {
        var order = new int[Results.Count];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (a, b) => Results[b].Score.CompareTo(Results[a].Score) is var byScore && byScore != 0 ? byScore : a.CompareTo(b));
        return [.. order.Take(most).Select(i => Results[i])];
    }

    // The overlaps, [detections, objects], and the areas of the detections.
    private (double[] Ious, double[] Areas) Overlaps(CocoResult[] detections)
    {
        var needsMasks = overlap == CocoOverlap.Masks && Truths.Count > 0;
        RunLengthMask[] truthMasks = needsMasks && detections.Length > 0 ? [.. Truths.Select(Drawn)] : [];
        var ious = new double[detections.Length * Truths.Count];
        var areas = new double[detections.Length];
        for (var i = 0; i < detections.Length; i++)
        {
            var mask = needsMasks || !areBoxes ? Drawn(detections[i]) : null;
            areas[i] = areBoxes ? detections[i].Box!.Value.Area : mask!.Area;
            var box = detections[i].Box ?? mask!.BoundingBox;
            for (var j = 0; j < Truths.Count; j++)
            {
                var truth = Truths[j];
                ious[(i * Truths.Count) + j] = needsMasks ? Iou(mask!, truthMasks[j], truth.IsCrowd) : box.IntersectionOverUnion(truth.Box, truth.IsCrowd);
            }
        }

        return (ious, areas);
    }

    // Of masks of different sizes less than any threshold.
    private static double Iou(RunLengthMask mask, RunLengthMask truth, bool crowd) => mask.HasSizeOf(truth) ? mask.IntersectionOverUnion(truth, crowd) : -1;

    private RunLengthMask Drawn(CocoAnnotation annotation)
    {
        try
        {
            return annotation.Segmentation!.ToMask(image.Height, image.Width);
        }
        catch (ArgumentException e)
        {
            throw CocoException.Of(path, CocoDataset.EntryOf(annotation), annotation.Id, e);
        }
    }

    private RunLengthMask Drawn(CocoResult result)
    {
        try
        {
            return result.Segmentation?.ToMask(image.Height, image.Width) ?? RunLengthMask.FromBox(result.Box!.Value, image.Height, image.Width);
        }
        catch (ArgumentException e)
        {
            throw CocoException.Of(null, FormattableString.Invariant($"a result of image {image.Id} with the score {result.Score}"), null, e);
        }
    }
}

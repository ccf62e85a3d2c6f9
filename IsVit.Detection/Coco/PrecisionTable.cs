namespace IsVit.Detection.Coco;

/// <summary>Precision and recall of one class, or of all taken as one, for each range of areas (accumulate of pycocotools).</summary>
internal sealed class PrecisionTable
{
    // What numpy's spacing(1) is: pycocotools keeps 0 / 0 off with it.
    private const double Spacing = 1.0 / (1L << 52);

    private readonly int[] _objects;

    // [range, threshold]: the mean over recalls, with the most detections; [range, most]: the mean over thresholds.
    private readonly double[,] _precisions;
    private readonly double[,] _recalls;

    /// <summary>Gathers the pictures of a class.</summary>
    /// <param name="pairs">The pictures, by ascending id, matched.</param>
    /// <param name="options">What is scored.</param>
    public PrecisionTable(MatchedPair[] pairs, CocoEvaluationOptions options)
    {
        var (ranges, thresholds) = (options.AreaRanges.Count, options.IouThresholds.Count);
        _objects = new int[ranges];
        _precisions = new double[ranges, thresholds];
        _recalls = new double[ranges, options.MaxDetections.Count];
        var detections = BestFirst(pairs);
        var outcomes = new byte[detections.Length];
        for (var range = 0; range < ranges; range++)
        {
            _objects[range] = pairs.Sum(pair => pair.Objects(range));
            for (var threshold = 0; threshold < thresholds && _objects[range] > 0; threshold++)
            {
                for (var i = 0; i < outcomes.Length; i++)
                {
                    outcomes[i] = pairs[detections[i].Pair].Outcome(range, threshold, thresholds, detections[i].Rank);
                }

                for (var most = 0; most < options.MaxDetections.Count; most++)
                {
                    _recalls[range, most] += RecallOf(outcomes, detections, options.MaxDetections[most], _objects[range]) / thresholds;
                }

                _precisions[range, threshold] = PrecisionOf(outcomes, _objects[range], options.RecallThresholds);
            }
        }
    }

    /// <summary>Whether any object counts in a range of areas; if not, it has no precision and no recall.</summary>
    public bool HasObjects(int range) => _objects[range] > 0;

    public double Precision(int range, int threshold) => _precisions[range, threshold];

    public double Precision(int range)
    {
        var sum = 0.0;
        for (var threshold = 0; threshold < _precisions.GetLength(1); threshold++)
        {
            sum += _precisions[range, threshold];
        }

        return sum / _precisions.GetLength(1);
    }

    public double Recall(int range, int most) => _recalls[range, most];

    // Equal scores stay in the order of pictures, and within one in its order.
    private static Detection[] BestFirst(MatchedPair[] pairs)
    {
        var detections = new Detection[pairs.Sum(static pair => pair.Scores.Length)];
        var count = 0;
        for (var pair = 0; pair < pairs.Length; pair++)
        {
            for (var rank = 0; rank < pairs[pair].Scores.Length; rank++)
            {
                detections[count++] = new(pairs[pair].Scores[rank], pair, rank);
            }
        }

        Array.Sort(detections, Detection.InOrder);
        return detections;
    }

    private static double RecallOf(byte[] outcomes, Detection[] detections, int most, int objects)
    {
        var right = 0;
        for (var i = 0; i < outcomes.Length; i++)
        {
            right += outcomes[i] == MatchedPair.Right && detections[i].Rank < most ? 1 : 0;
        }

        return right / (double)objects;
    }

    // The precision at each recall is the best at that recall or a higher one; it changes where a detection is right.
    private static double PrecisionOf(byte[] outcomes, int objects, IReadOnlyList<double> recalls)
    {
        var atRight = new List<double>();
        var wrong = 0;
        foreach (var outcome in outcomes)
        {
            if (outcome == MatchedPair.Right)
            {
                double right = atRight.Count + 1;
                atRight.Add(right / (wrong + right + Spacing));
            }

            wrong += outcome == MatchedPair.Wrong ? 1 : 0;
        }

        for (var i = atRight.Count - 2; i >= 0; i--)
        {
            atRight[i] = Math.Max(atRight[i], atRight[i + 1]);
        }

        var sum = 0.0;
        var at = 0;
        foreach (var recall in recalls)
        {
            while (at < atRight.Count && (at + 1) / (double)objects < recall)
            {
                at++;
            }

            sum += at < atRight.Count ? atRight[at] : 0;
        }

        return sum / recalls.Count;
    }

    private readonly record struct Detection(double Score, int Pair, int Rank)
    {
        public static int InOrder(Detection a, Detection b)
            => a.Score != b.Score ? b.Score.CompareTo(a.Score)
            : a.Pair != b.Pair ? a.Pair.CompareTo(b.Pair)
            : a.Rank.CompareTo(b.Rank);
    }
}

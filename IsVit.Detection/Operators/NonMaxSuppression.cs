using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>
/// Greedy non-maximum suppression with MMCV's numbers: of boxes whose intersection over union is greater than a threshold, the one of the highest score stays. Overlaps are computed in float32 whatever
/// the type; a pair exactly at the threshold stays.
/// </summary>
/// <remarks>
/// Scores order boxes stably: of equal ones the lower index comes first. A box or score that is no number (NaN) is never kept and suppresses nothing. The work is done on the CPU: tensors on another
/// device are copied there once, and the result back; no gradient flows.
/// </remarks>
public static class NonMaxSuppression
{
    // MMCV's `split_thr`: from here on labels are kept apart also where their shifted boxes would meet.
    private const int SplitCount = 10_000;

    /// <summary>Which boxes are kept.</summary>
    /// <param name="boxes">[n, 4], floating point: x1, y1, x2, y2. n may be 0.</param>
    /// <param name="scores">[n], floating point.</param>
    /// <param name="iouThreshold">0 to 1: a box that overlaps a better one by more is removed.</param>
    /// <param name="maxCount">The most boxes to keep; null for no limit.</param>
    /// <param name="scoreThreshold">Only boxes of a greater score take part; null for all.</param>
    /// <param name="offset">What a side is longer than the difference of its coordinates: 0, or 1 where these count pixels.</param>
    /// <returns>[kept], Int64: indices, best first, on the boxes' device.</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static torch.Tensor Keep(torch.Tensor boxes, torch.Tensor scores, double iouThreshold, int? maxCount = null, double? scoreThreshold = null, int offset = 0)
    {
        Check(boxes, scores, iouThreshold, maxCount, offset);
        var values = Operands.ReadSingle(boxes);
        var order = ScoreOrder.Descending(values, Operands.ReadSingle(scores), scoreThreshold);
        return Indices(BoxSuppression.Keep(values, order, (float)iouThreshold, offset, maxCount ?? int.MaxValue), boxes.device);
    }

    /// <summary>Which boxes are kept when only those of the same label suppress each other.</summary>
    /// <param name="boxes">[n, 4], floating point: x1, y1, x2, y2. n may be 0.</param>
    /// <param name="scores">[n], floating point.</param>
    /// <param name="labels">[n], Int64: a class, or the level of a pyramid.</param>
    /// <param name="iouThreshold">0 to 1: a box that overlaps a better one of its label by more is removed.</param>
    /// <param name="maxCount">The most boxes to keep over all labels; null for no limit.</param>
    /// <param name="scoreThreshold">Only boxes of a greater score take part; null for all.</param>
    /// <param name="offset">What a side is longer than the difference of its coordinates: 0, or 1 where these count pixels.</param>
    /// <returns>[kept], Int64: indices, best first whatever the label, on the boxes' device.</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <remarks>
    /// As in MMCV, boxes are shifted by label x (largest coordinate + 1) in float32, which rounds them, and overlaps are those of the shifted boxes. Where boxes have negative coordinates, shifted boxes of
    /// different labels can meet; below 10,000 boxes they then suppress each other, as there.
    /// </remarks>
    public static torch.Tensor KeepByLabel(
        torch.Tensor boxes, torch.Tensor scores, torch.Tensor labels, double iouThreshold, int? maxCount = null, double? scoreThreshold = null, int offset = 0)
    {
        Check(boxes, scores, iouThreshold, maxCount, offset);
        Operands.Labels(labels, nameof(labels), boxes.shape[0]);
        return Indices(
            KeepByLabel(Operands.ReadSingle(boxes), Operands.ReadSingle(scores), Operands.ReadInt64(labels), (float)iouThreshold, maxCount ?? int.MaxValue, scoreThreshold, offset), boxes.device);
    }

    /// <summary>Detections of several classes from the scores of all (MMDetection's <c>multiclass_nms</c>).</summary>
    /// <param name="boxes">[n, 4] for boxes that all classes share, or [n, 4 classes]; floating point.</param>
    /// <param name="scores">[n, classes + 1], floating point, the background last.</param>
    /// <param name="scoreThreshold">Only a class with a greater score is detected.</param>
    /// <param name="iouThreshold">0 to 1: a box that overlaps a better one of its class by more is removed.</param>
    /// <param name="maxCount">The most detections; null for no limit.</param>
    /// <returns>
    /// [kept, 5] x1, y1, x2, y2 and score, best first, of the boxes' type; [kept] their classes, Int64; [kept] where they come from, row x classes + class, Int64. All on the boxes' device.
    /// </returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static (torch.Tensor Detections, torch.Tensor Labels, torch.Tensor Indices) MultiClass(
        torch.Tensor boxes, torch.Tensor scores, double scoreThreshold, double iouThreshold, int? maxCount = null)
    {
        Operands.Floating(scores, nameof(scores), "n, classes + 1", -1, -1);
        Operands.Floating(boxes, nameof(boxes), "n, 4 or 4 classes", scores.shape[0], -1);
        CheckNumbers(iouThreshold, maxCount, 0);
        var classes = (int)scores.shape[1] - 1;
        var perClass = boxes.shape[1] != 4;
        if (classes < 1 || (perClass && boxes.shape[1] != 4L * classes))
        {
            throw new ArgumentException($"'boxes' is {Operands.Describe(boxes)} and 'scores' {Operands.Describe(scores)}; expected [n, 4] or [n, 4 classes], and [n, classes + 1] with at least one class.", nameof(boxes));
        }

        var (allBoxes, allScores) = (Operands.ReadSingle(boxes), Operands.ReadSingle(scores));
        var sources = new List<int>();
        for (var i = 0; i < scores.shape[0]; i++)
        {
            for (var label = 0; label < classes; label++)
            {
                if (allScores[i * (classes + 1) + label] > scoreThreshold)
                {
                    sources.Add(i * classes + label);
                }
            }
        }

        var chosenBoxes = new float[sources.Count * 4];
        var chosenScores = new float[sources.Count];
        var chosenLabels = new long[sources.Count];
        for (var i = 0; i < sources.Count; i++)
        {
            var (row, label) = Math.DivRem(sources[i], classes);
            allBoxes.AsSpan(perClass ? sources[i] * 4 : row * 4, 4).CopyTo(chosenBoxes.AsSpan(i * 4));
            chosenScores[i] = allScores[row * (classes + 1) + label];
            chosenLabels[i] = label;
        }

        var keep = KeepByLabel(chosenBoxes, chosenScores, chosenLabels, (float)iouThreshold, maxCount ?? int.MaxValue, null, 0);
        var detections = new float[keep.Length * 5];
        for (var i = 0; i < keep.Length; i++)
        {
            chosenBoxes.AsSpan(keep[i] * 4, 4).CopyTo(detections.AsSpan(i * 5));
            detections[i * 5 + 4] = chosenScores[keep[i]];
        }

        using var scope = torch.NewDisposeScope();
        var device = boxes.device;
        return (
            torch.tensor(detections).view(-1, 5).to(boxes.dtype, device).MoveToOuterDisposeScope(),
            torch.tensor(Array.ConvertAll(keep, i => chosenLabels[i])).to(device).MoveToOuterDisposeScope(),
            torch.tensor(Array.ConvertAll(keep, i => (long)sources[i])).to(device).MoveToOuterDisposeScope());
    }

    /// <summary>Soft suppression (Bodla et al., arXiv 1704.04503, eq. 3): a box that overlaps a better one loses that share of its score.</summary>
    /// <param name="boxes">[n, 4], floating point: x1, y1, x2, y2. n may be 0.</param>
    /// <param name="scores">[n], floating point.</param>
    /// <param name="iouThreshold">0 to 1: from this overlap on a score is multiplied by 1 - overlap.</param>
    /// <param name="minimumScore">A box whose score falls below it is removed.</param>
    /// <param name="offset">What a side is longer than the difference of its coordinates: 0, or 1 where these count pixels.</param>
    /// <returns>[kept, 5] x1, y1, x2, y2 and the new score, best first, of the boxes' type; [kept] indices, Int64. On the boxes' device.</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static (torch.Tensor Detections, torch.Tensor Indices) SoftLinear(torch.Tensor boxes, torch.Tensor scores, double iouThreshold, double minimumScore = 0.001, int offset = 0)
    {
        Check(boxes, scores, iouThreshold, null, offset);
        var values = Operands.ReadSingle(boxes);
        var (indices, newScores) = SoftSuppression.Linear(values, Operands.ReadSingle(scores), (float)iouThreshold, (float)minimumScore, offset);
        var detections = new float[indices.Length * 5];
        for (var i = 0; i < indices.Length; i++)
        {
            values.AsSpan(indices[i] * 4, 4).CopyTo(detections.AsSpan(i * 5));
            detections[i * 5 + 4] = newScores[i];
        }

        using var scope = torch.NewDisposeScope();
        return (torch.tensor(detections).view(-1, 5).to(boxes.dtype, boxes.device).MoveToOuterDisposeScope(), Indices(indices, boxes.device).MoveToOuterDisposeScope());
    }

    private static int[] KeepByLabel(float[] boxes, float[] scores, long[] labels, float iouThreshold, int maxCount, double? scoreThreshold, int offset)
    {
        var largest = float.NegativeInfinity;
        for (var i = 0; i < boxes.Length; i += 4)
        {
            var box = boxes.AsSpan(i, 4);
            largest = ScoreOrder.HasNaN(box) ? largest : Math.Max(largest, Math.Max(Math.Max(box[0], box[1]), Math.Max(box[2], box[3])));
        }

        var shifted = new float[boxes.Length];
        for (var i = 0; i < boxes.Length; i++)
        {
            shifted[i] = boxes[i] + labels[i / 4] * (largest + 1);
        }

        var order = ScoreOrder.Descending(shifted, scores, scoreThreshold);
        return BoxSuppression.KeepByLabel(shifted, labels, order, iouThreshold, offset, maxCount, labels.Length >= SplitCount);
    }

    private static torch.Tensor Indices(int[] indices, torch.Device device)
    {
        using var scope = torch.NewDisposeScope();
        return torch.tensor(Array.ConvertAll(indices, static index => (long)index)).to(device).MoveToOuterDisposeScope();
    }

    private static void Check(torch.Tensor boxes, torch.Tensor scores, double iouThreshold, int? maxCount, int offset)
    {
        Operands.Floating(boxes, nameof(boxes), "n, 4", -1, 4);
        Operands.Floating(scores, nameof(scores), FormattableString.Invariant($"{boxes.shape[0]}"), boxes.shape[0]);
        CheckNumbers(iouThreshold, maxCount, offset);
    }

    private static void CheckNumbers(double iouThreshold, int? maxCount, int offset)
    {
        if (!(iouThreshold >= 0 && iouThreshold <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(iouThreshold), iouThreshold, "The threshold is 0 to 1.");
        }

        if (maxCount < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(maxCount), maxCount, "The number is 0 or more, or null for no limit.");
        }

        if (offset is not (0 or 1))
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, "The offset is 0 or 1.");
        }
    }
}

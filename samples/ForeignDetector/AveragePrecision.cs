using static TorchSharp.torch;

namespace ForeignDetector;

/// <summary>A box that a detector found.</summary>
internal readonly record struct FoundBox(LabelledBox Box, float Score);

/// <summary>COCO's average precision of boxes: the mean over classes, and over overlaps of .5 to .95, of the precision at 101 recalls.</summary>
internal static class AveragePrecision
{
    private const int PerImage = 100;

    /// <summary>The best 300 pairs of query and class, as boxes in pixels of the image's file.</summary>
    /// <param name="logits">[queries, classes].</param>
    /// <param name="boxes">Centre x, centre y, width and height as shares of the image, [queries, 4].</param>
    /// <param name="image">The image.</param>
    public static IReadOnlyList<FoundBox> Select(Tensor logits, Tensor boxes, DetectionImage image)
    {
        using var scope = NewDisposeScope();
        var classes = logits.shape[1];
        var (scores, indices) = logits.flatten().sigmoid().topk((int)Math.Min(300, logits.numel()));
        var (score, index, numbers) = (scores.data<float>().ToArray(), indices.data<long>().ToArray(), boxes.contiguous().data<float>().ToArray());
        return [.. index.Zip(score).Select(pair =>
        {
            var box = numbers.AsSpan((int)(pair.First / classes) * 4, 4);
            var (x, y, w, h) = (box[0] * image.Width, box[1] * image.Height, box[2] * image.Width, box[3] * image.Height);
            return new FoundBox(new LabelledBox((int)(pair.First % classes), x - (w / 2), y - (h / 2), x + (w / 2), y + (h / 2)), pair.Second);
        })];
    }

    /// <summary>The average precision of what was found in some images.</summary>
    public static double Of(IReadOnlyList<DetectionImage> images, IReadOnlyList<IReadOnlyList<FoundBox>> found)
    {
        var classes = images.SelectMany(static image => image.Boxes).Select(static box => box.Class).Distinct().ToList();
        return classes.Average(type => Enumerable.Range(0, 10).Average(i => Of(images, found, type, 0.5f + (0.05f * i))));
    }

    private static double Of(IReadOnlyList<DetectionImage> images, IReadOnlyList<IReadOnlyList<FoundBox>> found, int type, float overlap)
    {
        var matches = new List<(float Score, bool IsRight)>();
        var count = 0;
        for (var i = 0; i < images.Count; i++)
        {
            var left = images[i].Boxes.Where(box => box.Class == type).ToList();
            count += left.Count;
            foreach (var (box, score) in found[i].Where(box => box.Box.Class == type).OrderByDescending(static box => box.Score).Take(PerImage))
            {
                var best = left.Count == 0 ? default : left.MaxBy(other => Overlap(box, other));
                var isRight = left.Count > 0 && Overlap(box, best) >= overlap;
                if (isRight)
                {
                    left.Remove(best);
                }

                matches.Add((score, isRight));
            }
        }

        var (recalls, precisions, right) = (new double[matches.Count], new double[matches.Count], 0);
        var ordered = matches.OrderByDescending(static match => match.Score).ToList();
        for (var i = 0; i < ordered.Count; i++)
        {
            right += ordered[i].IsRight ? 1 : 0;
            (recalls[i], precisions[i]) = ((double)right / count, (double)right / (i + 1));
        }

        // The best precision at this recall or more.
        for (var i = ordered.Count - 2; i >= 0; i--)
        {
            precisions[i] = Math.Max(precisions[i], precisions[i + 1]);
        }

        return Enumerable.Range(0, 101).Average(i =>
        {
            var at = Array.FindIndex(recalls, recall => recall >= i / 100.0);
            return at < 0 ? 0 : precisions[at];
        });
    }

    private static float Overlap(LabelledBox a, LabelledBox b)
    {
        var (width, height) = (Math.Min(a.Right, b.Right) - Math.Max(a.Left, b.Left), Math.Min(a.Bottom, b.Bottom) - Math.Max(a.Top, b.Top));
        var common = Math.Max(width, 0) * Math.Max(height, 0);
        return common / (((a.Right - a.Left) * (a.Bottom - a.Top)) + ((b.Right - b.Left) * (b.Bottom - b.Top)) - common);
    }
}

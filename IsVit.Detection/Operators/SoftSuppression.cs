namespace IsVit.Detection.Operators;

/// <summary>Soft suppression, with the order of boxes of equal scores that MMCV's exchanges give.</summary>
internal static class SoftSuppression
{
    /// <summary>The boxes that remain, in order, and their scores.</summary>
    /// <param name="boxes">Four numbers a box.</param>
    /// <param name="scores">Their scores.</param>
    /// <param name="threshold">The overlap from which on a score falls.</param>
    /// <param name="minimum">The score below which a box is removed.</param>
    /// <param name="offset">What a side is longer than the difference of its coordinates.</param>
    public static (int[] Indices, float[] Scores) Linear(ReadOnlySpan<float> boxes, ReadOnlySpan<float> scores, float threshold, float minimum, int offset)
    {
        var items = new List<Item>(scores.Length);
        for (var i = 0; i < scores.Length; i++)
        {
            var box = boxes.Slice(i * 4, 4);
            if (!float.IsNaN(scores[i]) && !ScoreOrder.HasNaN(box))
            {
                items.Add(new(i, box[0], box[1], box[2], box[3], (box[2] - box[0] + offset) * (box[3] - box[1] + offset), scores[i]));
            }
        }

        var all = items.ToArray();
        var count = all.Length;
        for (var i = 0; i < count; i++)
        {
            var best = i;
            for (var j = i + 1; j < count; j++)
            {
                best = all[best].Score < all[j].Score ? j : best;
            }

            (all[i], all[best]) = (all[best], all[i]);
            var chosen = all[i];
            for (var j = i + 1; j < count; j++)
            {
                var overlap = chosen.Overlap(all[j], offset);
                all[j].Score *= overlap >= threshold ? 1 - overlap : 1;
                if (all[j].Score < minimum)
                {
                    all[j--] = all[--count];
                }
            }
        }

        var kept = all[..count];
        return (Array.ConvertAll(kept, static item => item.Index), Array.ConvertAll(kept, static item => item.Score));
    }

    private record struct Item(int Index, float X1, float Y1, float X2, float Y2, float Area, float Score)
    {
        public readonly float Overlap(in Item other, int offset)
        {
            var width = Math.Max(0f, Math.Min(X2, other.X2) - Math.Max(X1, other.X1) + offset);
            var height = Math.Max(0f, Math.Min(Y2, other.Y2) - Math.Max(Y1, other.Y1) + offset);
            var shared = width * height;
            return shared / (Area + other.Area - shared);
        }
    }
}

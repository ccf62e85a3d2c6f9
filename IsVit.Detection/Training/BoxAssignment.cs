namespace IsVit.Detection.Training;

/// <summary>Which object each box stands for in training; MMDetection's <c>MaxIoUAssigner</c>.</summary>
internal static class BoxAssignment
{
    /// <summary>What is assigned to a box on no object.</summary>
    public const int Background = -1;

    /// <summary>What is assigned to a box that training leaves out.</summary>
    public const int Neither = -2;

    private const float Epsilon = 1e-6f;

    /// <summary>Assigns objects.</summary>
    /// <param name="boxes">x1, y1, x2, y2 of each box.</param>
    /// <param name="objects">The same of each object.</param>
    /// <param name="positive">From this overlap (IoU) on a box stands for the object that it overlaps most.</param>
    /// <param name="negative">Below this overlap with every object a box is background.</param>
    /// <param name="keepsBest">Whether the boxes that overlap an object most stand for it too if that overlap is at least <paramref name="negative"/>, whatever else they overlap.</param>
    /// <param name="allowed">Which boxes take part; null for all. Others stand for neither.</param>
    /// <returns>For each box the index of an object, <see cref="Background"/> or <see cref="Neither"/>.</returns>
    public static int[] Assign(ReadOnlySpan<float> boxes, ReadOnlySpan<float> objects, double positive, double negative, bool keepsBest, bool[]? allowed = null)
    {
        var (count, objectCount) = (boxes.Length / 4, objects.Length / 4);
        var assigned = new int[count];
        var most = new float[count];
        var overlaps = new float[keepsBest ? count : 0];
        var best = new int[count];
        Array.Fill(assigned, Background);
        var kept = new List<(int Box, int Object)>();
        for (var k = 0; k < objectCount; k++)
        {
            var target = objects.Slice(k * 4, 4);
            var (area, largest) = ((target[2] - target[0]) * (target[3] - target[1]), 0f);
            for (var i = 0; i < count; i++)
            {
                var overlap = allowed is null || allowed[i] ? Overlap(boxes.Slice(i * 4, 4), target, area) : 0;
                if (overlap > most[i])
                {
                    (most[i], best[i]) = (overlap, k);
                }

                if (keepsBest)
                {
                    overlaps[i] = overlap;
                    largest = Math.Max(largest, overlap);
                }
            }

            for (var i = 0; keepsBest && largest >= negative && largest > 0 && i < count; i++)
            {
                if (overlaps[i] == largest)
                {
                    kept.Add((i, k));
                }
            }
        }

        for (var i = 0; i < count; i++)
        {
            assigned[i] = allowed is not null && !allowed[i] ? Neither
                : objectCount > 0 && most[i] >= positive ? best[i]
                : most[i] < negative ? Background
                : Neither;
        }

        kept.ForEach(pair => assigned[pair.Box] = pair.Object);
        return assigned;
    }

    private static float Overlap(ReadOnlySpan<float> box, ReadOnlySpan<float> target, float area)
    {
        var width = Math.Min(box[2], target[2]) - Math.Max(box[0], target[0]);
        var height = Math.Min(box[3], target[3]) - Math.Max(box[1], target[1]);
        if (width <= 0 || height <= 0)
        {
            return 0;
        }

        var overlap = width * height;
        return overlap / Math.Max(((box[2] - box[0]) * (box[3] - box[1])) + area - overlap, Epsilon);
    }
}

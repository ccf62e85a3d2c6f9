using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using IsVit.Quantizers.Native;

namespace IsVit.Detection.Operators;

/// <summary>
/// Greedy suppression. A box is compared with those kept before it, eight at a time, until one suppresses it: that takes fewer comparisons than each kept box with all that follow, and ends as soon as
/// enough are kept.
/// </summary>
internal static unsafe class BoxSuppression
{
    // From how many boxes on labels are worked on by several threads.
    private const int ThreadedCount = 1 << 11;

    /// <summary>The boxes that are kept, in order.</summary>
    /// <param name="boxes">Four numbers a box.</param>
    /// <param name="order">Indices, best first.</param>
    /// <param name="threshold">The overlap above which a box is removed.</param>
    /// <param name="offset">What a side is longer than the difference of its coordinates.</param>
    /// <param name="maxCount">The most to keep.</param>
    public static int[] Keep(ReadOnlySpan<float> boxes, ReadOnlySpan<int> order, float threshold, int offset, int maxCount)
    {
        var kept = new KeptBoxes(Math.Min(order.Length, maxCount));
        foreach (var index in order)
        {
            if (kept.Count == kept.Capacity)
            {
                break;
            }

            kept.Offer(index, boxes.Slice(index * 4, 4), threshold, offset);
        }

        return kept.Indices.AsSpan(0, kept.Count).ToArray();
    }

    /// <summary>The boxes that are kept where labels lie apart from each other, in order.</summary>
    /// <param name="boxes">Four numbers a box, shifted by label.</param>
    /// <param name="labels">Each box's label.</param>
    /// <param name="order">Indices, best first.</param>
    /// <param name="threshold">The overlap above which a box is removed.</param>
    /// <param name="offset">What a side is longer than the difference of its coordinates.</param>
    /// <param name="maxCount">The most to keep.</param>
    /// <param name="always">Whether boxes of different labels do not suppress each other even where they meet.</param>
    public static int[] KeepByLabel(float[] boxes, long[] labels, int[] order, float threshold, int offset, int maxCount, bool always)
    {
        var groups = order.GroupBy(index => labels[index]).Select(static group => group.ToArray()).ToArray();
        if (groups.Length < 2 || !(always || LieApart(boxes, groups, offset)))
        {
            return Keep(boxes, order, threshold, offset, maxCount);
        }

        var isKept = new bool[labels.Length];
        void Work(int group)
        {
            foreach (var index in Keep(boxes, groups[group], threshold, offset, maxCount))
            {
                isKept[index] = true;
            }
        }

        if (order.Length >= ThreadedCount || KernelSwitch.ForcedThreads > 0)
        {
            TorchThreads.For(groups.Length, Work);
        }
        else
        {
            for (var group = 0; group < groups.Length; group++)
            {
                Work(group);
            }
        }

        return [.. order.Where(index => isKept[index]).Take(maxCount)];
    }

    // Whether no two groups meet along x: then every overlap between them is 0 or no number, which suppresses nothing.
    private static bool LieApart(float[] boxes, int[][] groups, int offset)
    {
        var spans = Array.ConvertAll(groups, group => (First: group.Min(index => boxes[index * 4]), Last: group.Max(index => boxes[index * 4 + 2])));
        Array.Sort(spans);
        for (var i = 1; i < spans.Length; i++)
        {
            if (!(spans[i - 1].Last - spans[i].First + offset <= 0))
            {
                return false;
            }

            spans[i].Last = Math.Max(spans[i].Last, spans[i - 1].Last);
        }

        return true;
    }

    private sealed class KeptBoxes
    {
        private const int Lanes = 8;
        private readonly float[] _corners;
        private readonly int _stride;

        public KeptBoxes(int capacity)
        {
            Capacity = capacity;
            Indices = new int[capacity];
            _stride = (capacity + Lanes - 1) / Lanes * Lanes;
            _corners = new float[5 * _stride];
        }

        public int Capacity { get; }

        public int Count { get; private set; }

        public int[] Indices { get; }

        public void Offer(int index, ReadOnlySpan<float> box, float threshold, int offset)
        {
            var area = (box[2] - box[0] + offset) * (box[3] - box[1] + offset);
            fixed (float* corners = _corners)
            {
                if (IsSuppressed(corners, _stride, Count, box[0], box[1], box[2], box[3], area, threshold, offset))
                {
                    return;
                }

                var place = corners + Count;
                place[0] = box[0];
                place[_stride] = box[1];
                place[2 * _stride] = box[2];
                place[3 * _stride] = box[3];
                place[4 * _stride] = area;
            }

            Indices[Count++] = index;
        }

        // In MMCV's order of operations, each rounded to float32; a sum of two areas is the same either way round.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static bool IsSuppressed(float* corners, int stride, int count, float x1, float y1, float x2, float y2, float area, float threshold, float offset)
        {
            Vector256<float> left = Vector256.Create(x1), top = Vector256.Create(y1), right = Vector256.Create(x2), bottom = Vector256.Create(y2);
            Vector256<float> ownArea = Vector256.Create(area), most = Vector256.Create(threshold), more = Vector256.Create(offset);
            for (var i = 0; i < count; i += Lanes)
            {
                var place = corners + i;
                var width = Side(Larger(Vector256.Load(place), left), Smaller(Vector256.Load(place + 2 * stride), right), more);
                var height = Side(Larger(Vector256.Load(place + stride), top), Smaller(Vector256.Load(place + 3 * stride), bottom), more);
                var overlap = width * height;
                var ratio = overlap / (Vector256.Load(place + 4 * stride) + ownArea - overlap);
                var suppressing = Vector256.GreaterThan(ratio, most).ExtractMostSignificantBits();
                if (count - i < Lanes)
                {
                    suppressing &= (1u << (count - i)) - 1;
                }

                if (suppressing != 0)
                {
                    return true;
                }
            }

            return false;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Side(Vector256<float> first, Vector256<float> last, Vector256<float> offset) => Larger(last - first + offset, Vector256<float>.Zero);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Larger(Vector256<float> x, Vector256<float> y) => Vector256.ConditionalSelect(Vector256.GreaterThan(x, y), x, y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Smaller(Vector256<float> x, Vector256<float> y) => Vector256.ConditionalSelect(Vector256.LessThan(x, y), x, y);
    }
}

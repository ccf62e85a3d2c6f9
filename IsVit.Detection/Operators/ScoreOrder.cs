namespace IsVit.Detection.Operators;

/// <summary>The order in which boxes are looked at.</summary>
internal static class ScoreOrder
{
    private const int DigitBits = 11;
    private const int SmallCount = 1 << 11;

    /// <summary>Indices of boxes, best score first, of equal scores the lower index first; without those that are not numbers.</summary>
    /// <param name="boxes">Four numbers a box.</param>
    /// <param name="scores">Their scores.</param>
    /// <param name="threshold">What a score must exceed; null for any.</param>
    public static int[] Descending(ReadOnlySpan<float> boxes, ReadOnlySpan<float> scores, double? threshold)
    {
        var limit = (float)(threshold ?? double.NegativeInfinity);
        var keys = new ulong[scores.Length];
        var count = 0;
        for (var i = 0; i < scores.Length; i++)
        {
            if ((threshold is null ? !float.IsNaN(scores[i]) : scores[i] > limit) && !HasNaN(boxes.Slice(i * 4, 4)))
            {
                keys[count++] = ((ulong)Descending(scores[i]) << 32) | (uint)i;
            }
        }

        var sorted = Sort(keys.AsSpan(0, count));
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            order[i] = (int)(uint)sorted[i];
        }

        return order;
    }

    /// <summary>Whether one of a box's numbers is none.</summary>
    public static bool HasNaN(ReadOnlySpan<float> box) => float.IsNaN(box[0]) || float.IsNaN(box[1]) || float.IsNaN(box[2]) || float.IsNaN(box[3]);

    // A key that grows as the score falls; both zeros have the same.
    private static uint Descending(float score)
    {
        var bits = BitConverter.SingleToUInt32Bits(score + 0f);
        return (bits & 0x8000_0000) != 0 ? bits : 0x7FFF_FFFF - bits;
    }

    // The keys are in the order of their indices, which a sort by digits of the scores preserves.
    private static Span<ulong> Sort(Span<ulong> keys)
    {
        if (keys.Length <= SmallCount)
        {
            keys.Sort();
            return keys;
        }

        var from = keys;
        Span<ulong> to = new ulong[keys.Length];
        var starts = new int[(1 << DigitBits) + 1];
        for (var shift = 32; shift < 64; shift += DigitBits)
        {
            Array.Clear(starts);
            foreach (var key in from)
            {
                starts[Digit(key, shift) + 1]++;
            }

            for (var digit = 1; digit < starts.Length; digit++)
            {
                starts[digit] += starts[digit - 1];
            }

            foreach (var key in from)
            {
                to[starts[Digit(key, shift)]++] = key;
            }

            var filled = to;
            to = from;
            from = filled;
        }

        return from;
    }

    private static int Digit(ulong key, int shift) => (int)(key >> shift) & ((1 << DigitBits) - 1);
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Quantizing;

/// <summary>
/// Codes of more than 4 bits: a function that never falls as the number grows chooses a bucket, and comparisons with the few thresholds of that bucket the position. A threshold of a lower bucket is less than the number and one of a
/// higher bucket greater, however the function rounds. By binary search where some bucket has too many thresholds.
/// </summary>
internal sealed class LongTableCoder : ActivationCoder
{
    private const int FewestBuckets = 1 << 10;
    private const int MostBuckets = 1 << 13;

    // More comparisons one after the other cost as much as a search.
    private const int MostCompared = 6;

    private readonly byte[] _codes;
    private readonly float[] _levels;

    // Followed by a NaN, which no number reaches.
    private readonly float[] _thresholds;

    // How many thresholds lie in lower buckets, and the most that lie in one; null for a search.
    private readonly byte[]? _before;
    private readonly int _compared = MostCompared + 1;
    private readonly BucketFunction _function;

    public LongTableCoder(QuantizationParameters parameters)
        : base(parameters)
    {
        var (thresholds, codes) = CodeSteps.Create(parameters, 0);
        (_thresholds, _codes, _levels) = ([.. thresholds, float.NaN], codes, parameters.Levels());
        for (var count = FewestBuckets; count <= MostBuckets && _compared > 1; count *= 2)
        {
            foreach (var function in BucketFunction.Candidates(thresholds, count))
            {
                var sizes = new int[function.Top + 1];
                foreach (var threshold in thresholds)
                {
                    sizes[function.Of(threshold)]++;
                }

                if (sizes.Max() < _compared)
                {
                    (_function, _compared, _before) = (function, sizes.Max(), Before(sizes));
                }
            }
        }
    }

    public override byte EncodeOne(float value, int channel = 0) => _codes[Search.Position(value, _thresholds.AsSpan(0, _codes.Length - 1))];

    private protected override void EncodeBlocks(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width)
    {
        if (_before is not null)
        {
            EncodeByBuckets(row, codes, _before, width);
            return;
        }

        for (var i = 0; i < row.Length; i++)
        {
            codes[i] = EncodeOne(row[i]);
        }
    }

    private protected override void DecodeRow(ReadOnlySpan<byte> codes, Span<float> values) => CodeTable.Decode(codes, _levels, values);

    private static byte[] Before(int[] sizes)
    {
        var before = new byte[sizes.Length];
        for (var bucket = 1; bucket < before.Length; bucket++)
        {
            before[bucket] = (byte)(before[bucket - 1] + sizes[bucket - 1]);
        }

        return before;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void EncodeByBuckets(ReadOnlySpan<float> row, Span<byte> codes, byte[] before, VectorWidth width)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var first = ref MemoryMarshal.GetArrayDataReference(before);
        ref var threshold = ref MemoryMarshal.GetArrayDataReference(_thresholds);
        ref var map = ref MemoryMarshal.GetArrayDataReference(_codes);
        var (function, compared) = (_function, _compared);
        Span<int> buckets = stackalloc int[Block];
        ref var bucket = ref MemoryMarshal.GetReference(buckets);
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            if (width == VectorWidth.Bits512)
            {
                function.Of(Vector512.LoadUnsafe(ref x, (nuint)i)).StoreUnsafe(ref bucket);
            }
            else
            {
                for (nuint j = 0; j < Block; j += 4)
                {
                    function.Of(Vector128.LoadUnsafe(ref x, (nuint)i + j)).StoreUnsafe(ref bucket, j);
                }
            }

            for (var j = 0; j < Block; j++)
            {
                // Buckets are between the first and the last also for NaNs, and positions at most the place of the last code, whose threshold is not reached.
                var number = Unsafe.Add(ref x, i + j);
                var position = (nint)Unsafe.Add(ref first, Unsafe.Add(ref bucket, j));
                for (var c = compared; c > 0; c--)
                {
                    position += number >= Unsafe.Add(ref threshold, position) ? 1 : 0;
                }

                Unsafe.Add(ref code, i + j) = Unsafe.Add(ref map, position);
            }

            if (i == last)
            {
                return;
            }
        }
    }
}

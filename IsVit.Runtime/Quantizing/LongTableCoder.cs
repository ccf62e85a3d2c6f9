using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Quantizing;

/// <summary>
/// Codes of more than 4 bits: the leading bits of the float choose a bucket that at most one threshold lies in, and one comparison with it chooses the code. By binary search where thresholds are too close for that.
/// </summary>
internal sealed class LongTableCoder : ActivationCoder
{
    private const int MostBuckets = 1 << 14;

    private readonly float[] _thresholds;
    private readonly byte[] _codes;
    private readonly float[] _levels;
    private readonly Bucket[]? _buckets;
    private readonly int _shift;
    private readonly int _first;

    public LongTableCoder(QuantizationParameters parameters)
        : base(parameters)
    {
        (_thresholds, _codes) = CodeSteps.Create(parameters, 0);
        _levels = parameters.Levels();
        var keys = Array.ConvertAll(_thresholds, Key);
        for (var shift = 23; shift >= 8 && _buckets is null; shift--)
        {
            var first = (keys[0] >> shift) - 1L;
            var count = (keys[^1] >> shift) + 2L - first;
            if (count > MostBuckets)
            {
                break;
            }

            if (IsSeparate(keys, shift))
            {
                (_shift, _first, _buckets) = (shift, (int)first, Fill(keys, shift, first, (int)count));
            }
        }
    }

    public override byte EncodeOne(float value, int channel = 0) => _codes[Search.Position(value, _thresholds)];

    private protected override void EncodeBlocks(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width)
    {
        if (_buckets is null)
        {
            for (var i = 0; i < row.Length; i++)
            {
                codes[i] = EncodeOne(row[i]);
            }

            return;
        }

        EncodeByBuckets(row, codes, _buckets, width);
    }

    private protected override void DecodeRow(ReadOnlySpan<byte> codes, Span<float> values) => CodeTable.Decode(codes, _levels, values);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void EncodeByBuckets(ReadOnlySpan<float> row, Span<byte> codes, Bucket[] buckets, VectorWidth width)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var bucket = ref MemoryMarshal.GetArrayDataReference(buckets);
        var (shift, first, top) = (_shift, _first, buckets.Length - 1);
        Span<int> indices = stackalloc int[Block];
        ref var index = ref MemoryMarshal.GetReference(indices);
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            if (width == VectorWidth.Bits512)
            {
                var raw = (Vector512.LoadUnsafe(ref x, (nuint)i) + Vector512<float>.Zero).AsInt32();
                var key = raw ^ ((raw >> 31) & Vector512.Create(int.MaxValue));
                Vector512.Max(Vector512.Min((key >> shift) - Vector512.Create(first), Vector512.Create(top)), Vector512<int>.Zero).StoreUnsafe(ref index);
            }
            else
            {
                for (nuint j = 0; j < Block; j += 4)
                {
                    var raw = (Vector128.LoadUnsafe(ref x, (nuint)i + j) + Vector128<float>.Zero).AsInt32();
                    var key = raw ^ ((raw >> 31) & Vector128.Create(int.MaxValue));
                    Vector128.Max(Vector128.Min((key >> shift) - Vector128.Create(first), Vector128.Create(top)), Vector128<int>.Zero).StoreUnsafe(ref index, j);
                }
            }

            for (var j = 0; j < Block; j++)
            {
                // Indices lie between the first bucket and the last, also those of NaNs.
                ref var found = ref Unsafe.Add(ref bucket, Unsafe.Add(ref index, j));
                var reached = Unsafe.Add(ref x, i + j) >= found.Threshold;
                Unsafe.Add(ref code, i + j) = Unsafe.Add(ref found.Below, Unsafe.As<bool, byte>(ref reached));
            }

            if (i == last)
            {
                return;
            }
        }
    }

    /// <summary>An integer that orders as the float does.</summary>
    private static int Key(float x)
    {
        var bits = BitConverter.SingleToInt32Bits(x + 0f);
        return bits ^ ((bits >> 31) & int.MaxValue);
    }

    private static bool IsSeparate(int[] keys, int shift)
    {
        for (var i = 1; i < keys.Length; i++)
        {
            // Equal thresholds count as one: the position between them is never taken.
            if (keys[i] != keys[i - 1] && keys[i] >> shift == keys[i - 1] >> shift)
            {
                return false;
            }
        }

        return true;
    }

    private Bucket[] Fill(int[] keys, int shift, long first, int count)
    {
        var buckets = new Bucket[count];
        var position = 0;
        for (var b = 0; b < count; b++)
        {
            var before = position;
            while (position < keys.Length && (keys[position] >> shift) - first == b)
            {
                position++;
            }

            buckets[b] = new() { Threshold = position > before ? _thresholds[before] : float.PositiveInfinity, Below = _codes[before], From = _codes[position] };
        }

        return buckets;
    }

    /// <summary>Numbers from the threshold on get one code, those below it the other.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 8)]
    private struct Bucket
    {
        public float Threshold;
        public byte Below;
        public byte From;
    }
}

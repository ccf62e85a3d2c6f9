using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>Levels through buckets, for blocks of numbers: bucket indices by vectors, then one comparison a number without a branch.</summary>
internal readonly unsafe struct BucketTable(LevelBuckets.Bucket* buckets, int count, int first, int shift)
{
    /// <summary>The most numbers of one call.</summary>
    public const int Block = 512;

    /// <summary>Writes the level of each of <paramref name="length"/> numbers; a NaN gives a NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Levels(float* x, float* levels, int length)
    {
        // Locals: a store through a pointer could change a field, so that fields would be read again for every number.
        var table = buckets;
        var indices = stackalloc int[Block];
        Indices(x, indices, length);
        for (var i = 0; i < length; i++)
        {
            var bucket = table + indices[i];
            var reached = x[i] >= bucket->Threshold;
            levels[i] = (&bucket->Below)[Unsafe.As<bool, byte>(ref reached)];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Indices(float* x, int* indices, int length)
    {
        var (bits, lowest, last) = (shift, first, count - 2);
        Vector<int> vLowest = new(lowest), vLast = new(last), magnitude = new(int.MaxValue), nan = new(last + 1);
        var i = 0;
        for (; i <= length - Vector<int>.Count; i += Vector<int>.Count)
        {
            var v = Vector.Load(x + i);
            var raw = Vector.AsVectorInt32(v + Vector<float>.Zero);
            var key = raw ^ (Vector.ShiftRightArithmetic(raw, 31) & magnitude);
            var index = Vector.Max(Vector.Min(Vector.ShiftRightArithmetic(key, bits) - vLowest, vLast), Vector<int>.Zero);
            Vector.ConditionalSelect(Vector.Equals(v, v), index, nan).Store(indices + i);
        }

        for (; i < length; i++)
        {
            indices[i] = float.IsNaN(x[i]) ? last + 1 : Math.Max(Math.Min((LevelBuckets.Key(x[i]) >> bits) - lowest, last), 0);
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using IsVit.Quantizers.Native;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.Kernels;

/// <summary>Levels through buckets: bucket indices by vectors, then one comparison a number without a branch.</summary>
internal readonly unsafe struct BucketTable(LevelBuckets.Bucket* buckets, int count, int first, int shift) : ILevelLookup<float>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Levels(float* x, float* levels, int length, VectorWidth width)
    {
        // Locals: a store through a pointer could change a field, so that fields would be read again for every number.
        var table = buckets;
        var indices = stackalloc int[TableBlock.Length];
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
        Vector256<int> vLowest = Vector256.Create(lowest), vLast = Vector256.Create(last), magnitude = Vector256.Create(int.MaxValue), nan = Vector256.Create(last + 1);
        var i = 0;
        for (; i <= length - Vector256<int>.Count; i += Vector256<int>.Count)
        {
            var v = Vector256.Load(x + i);
            var raw = (v + Vector256<float>.Zero).AsInt32();
            var key = raw ^ ((raw >> 31) & magnitude);
            var index = Vector256.Max(Vector256.Min((key >> bits) - vLowest, vLast), Vector256<int>.Zero);
            Vector256.ConditionalSelect(Vector256.Equals(v, v).AsInt32(), index, nan).Store(indices + i);
        }

        for (; i < length; i++)
        {
            indices[i] = float.IsNaN(x[i]) ? last + 1 : Math.Max(Math.Min((LevelBuckets.Key(x[i]) >> bits) - lowest, last), 0);
        }
    }
}

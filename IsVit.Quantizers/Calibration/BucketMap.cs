using System.Runtime.InteropServices;

namespace IsVit.Quantizers.Calibration;

/// <summary>Which bucket a number goes to, so that every bucket gets about as many: cells of equal leading bits are dealt out by how many of a sample lie in each.</summary>
internal sealed class BucketMap
{
    private const int CellBits = 16;
    private const int SampleStride = 16;
    private const int WantedBuckets = 1500;
    private readonly ushort[] _buckets = new ushort[1 << CellBits];
    private readonly KeyRange _keys;

    private BucketMap(KeyRange keys) => _keys = keys;

    /// <summary>The number of buckets.</summary>
    public int Count { get; private set; }

    /// <summary>The bucket of each cell.</summary>
    public ReadOnlySpan<ushort> Buckets => _buckets;

    /// <summary>The lowest key.</summary>
    public uint Lowest => _keys.Lowest;

    /// <summary>How far what a key exceeds the lowest by is shifted to number its cell.</summary>
    public int CellShift => Math.Max(0, _keys.Bits - CellBits);

    /// <summary>A map for some numbers.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="keys">The range of their keys.</param>
    public static BucketMap Create(ReadOnlySpan<float> values, KeyRange keys)
    {
        var map = new BucketMap(keys);
        var counts = new int[1 << CellBits];
        var bits = MemoryMarshal.Cast<float, uint>(values);
        for (var i = 0; i < bits.Length; i += SampleStride)
        {
            counts[(KeyRange.Key(bits[i]) - map.Lowest) >> map.CellShift]++;
        }

        var share = Math.Max(1, values.Length / SampleStride / WantedBuckets);
        var (bucket, filled) = (0, 0);
        for (var cell = 0; cell < counts.Length; cell++)
        {
            map._buckets[cell] = (ushort)bucket;
            filled += counts[cell];
            if (filled >= share)
            {
                (bucket, filled) = (bucket + 1, 0);
            }
        }

        map.Count = bucket + 1;
        return map;
    }

    /// <summary>The bucket of a number within the range.</summary>
    public int Bucket(float value) => _buckets[_keys.Above(value) >> CellShift];
}

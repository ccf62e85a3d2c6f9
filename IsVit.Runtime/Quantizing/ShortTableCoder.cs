using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Quantizing;

/// <summary>Codes of at most 4 bits by a binary search in every lane at once, its probes permuted out of registers.</summary>
/// <remarks>
/// The thresholds are in the order of the search tree: node k is followed by node 2k, or by 2k + 1 if the number reaches its threshold, starting from node 1. What comes after the last step is 2^b + position, so that one table of
/// bytes gives the code. A register of 8 has the nodes of the first three steps, and another those of the fourth.
/// </remarks>
internal sealed class ShortTableCoder : ActivationCoder
{
    /// <summary>The most codes.</summary>
    public const int MostCodes = 16;

    private readonly float[] _thresholds;
    private readonly byte[] _codes;
    private readonly float[] _tree = new float[MostCodes];
    private readonly byte[] _leaves = new byte[MostCodes];
    private readonly float[] _levels;

    public ShortTableCoder(QuantizationParameters parameters)
        : base(parameters)
    {
        (_thresholds, _codes) = CodeSteps.Create(parameters, 0);
        _levels = parameters.Levels();
        for (var node = 1; node < _codes.Length; node++)
        {
            // The nodes of one step divide the thresholds evenly.
            var step = int.Log2(node);
            _tree[node] = _thresholds[(((2 * (node - (1 << step))) + 1) << (Bits.Bits - 1 - step)) - 1];
        }

        for (var position = 0; position < _codes.Length; position++)
        {
            _leaves[(_codes.Length + position) % MostCodes] = _codes[position];
        }
    }

    public override byte EncodeOne(float value, int channel = 0)
    {
        var position = 0;
        while (position < _thresholds.Length && value >= _thresholds[position])
        {
            position++;
        }

        return _codes[position];
    }

    private protected override void EncodeBlocks(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width)
    {
        if (width == VectorWidth.Bits512 && Avx512F.IsSupported)
        {
            Encode512(row, codes);
        }
        else if (width >= VectorWidth.Bits256 && Avx2.IsSupported)
        {
            Encode256(row, codes);
        }
        else
        {
            Encode128(row, codes);
        }
    }

    private protected override void DecodeRow(ReadOnlySpan<byte> codes, Span<float> values) => CodeTable.Decode(codes, _levels, values);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Encode512(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        var tree = Vector512.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_tree));
        var leaves = Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_leaves));
        Vector512<float> root = Vector512.Create(_tree[1]);
        var bits = Bits.Bits;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            var node = Leaf(Vector512.LoadUnsafe(ref x, (nuint)i), root, tree, bits);
            Ssse3.Shuffle(leaves, Avx512F.ConvertToVector128Byte(node)).StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    private protected override bool TryRound(ReadOnlySpan<float> row, Span<float> values)
    {
        if (!Avx512F.IsSupported || VectorWidths.Widest != VectorWidth.Bits512 || row.Length < Block)
        {
            return false;
        }

        Round512(row, values);
        return true;
    }

    private protected override bool TryLook(ReadOnlySpan<float> row, short[] table, Span<short> values)
    {
        if (!Avx512F.IsSupported || VectorWidths.Widest != VectorWidth.Bits512 || row.Length < Block)
        {
            return false;
        }

        Look512(row, table, values);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Round512(ReadOnlySpan<float> row, Span<float> values)
    {
        Span<float> ofLeaves = stackalloc float[MostCodes];
        for (var leaf = 0; leaf < MostCodes; leaf++)
        {
            ofLeaves[leaf] = _levels[_leaves[leaf]];
        }

        ref var x = ref MemoryMarshal.GetReference(row);
        ref var value = ref MemoryMarshal.GetReference(values);
        var tree = Vector512.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_tree));
        var levels = Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(ofLeaves));
        var root = Vector512.Create(_tree[1]);
        var bits = Bits.Bits;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            Avx512F.PermuteVar16x32(levels, Leaf(Vector512.LoadUnsafe(ref x, (nuint)i), root, tree, bits)).StoreUnsafe(ref value, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Look512(ReadOnlySpan<float> row, short[] table, Span<short> values)
    {
        Span<int> ofLeaves = stackalloc int[MostCodes];
        for (var leaf = 0; leaf < MostCodes; leaf++)
        {
            ofLeaves[leaf] = table[_leaves[leaf]];
        }

        ref var x = ref MemoryMarshal.GetReference(row);
        ref var value = ref MemoryMarshal.GetReference(values);
        var tree = Vector512.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_tree));
        var integers = Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(ofLeaves));
        var root = Vector512.Create(_tree[1]);
        var bits = Bits.Bits;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            var found = Avx512F.PermuteVar16x32(integers, Leaf(Vector512.LoadUnsafe(ref x, (nuint)i), root, tree, bits));
            Avx512F.ConvertToVector256Int16(found).StoreUnsafe(ref value, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Leaf(Vector512<float> v, Vector512<float> root, Vector512<float> tree, int bits)
    {
        // A mask is -1 where it holds: subtracting it adds one.
        var node = Vector512.Create(2) - Vector512.GreaterThanOrEqual(v, root).AsInt32();
        node = node + node - Vector512.GreaterThanOrEqual(v, Avx512F.PermuteVar16x32(tree, node)).AsInt32();
        if (bits > 2)
        {
            node = node + node - Vector512.GreaterThanOrEqual(v, Avx512F.PermuteVar16x32(tree, node)).AsInt32();
        }

        if (bits > 3)
        {
            node = node + node - Vector512.GreaterThanOrEqual(v, Avx512F.PermuteVar16x32(tree, node)).AsInt32();
        }

        return node;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Encode256(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        var upper = Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_tree));
        var lower = Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_tree), 8);
        var leaves = Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_leaves));
        var root = Vector256.Create(_tree[1]);
        var bits = Bits.Bits;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            var low = Leaf(Vector256.LoadUnsafe(ref x, (nuint)i), root, upper, lower, bits);
            var high = Leaf(Vector256.LoadUnsafe(ref x, (nuint)i + 8), root, upper, lower, bits);
            Ssse3.Shuffle(leaves, Positions.Narrow(low, high)).StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Leaf(Vector256<float> v, Vector256<float> root, Vector256<float> upper, Vector256<float> lower, int bits)
    {
        var node = Vector256.Create(2) - Vector256.GreaterThanOrEqual(v, root).AsInt32();
        node = node + node - Vector256.GreaterThanOrEqual(v, Avx2.PermuteVar8x32(upper, node)).AsInt32();
        if (bits > 2)
        {
            node = node + node - Vector256.GreaterThanOrEqual(v, Avx2.PermuteVar8x32(upper, node)).AsInt32();
        }

        if (bits > 3)
        {
            node = node + node - Vector256.GreaterThanOrEqual(v, Avx2.PermuteVar8x32(lower, node)).AsInt32();
        }

        return node;
    }

    /// <summary>One comparison a threshold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Encode128(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        var thresholds = _thresholds;
        var map = _codes;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            Vector128<float> v0 = Vector128.LoadUnsafe(ref x, (nuint)i), v1 = Vector128.LoadUnsafe(ref x, (nuint)i + 4);
            Vector128<float> v2 = Vector128.LoadUnsafe(ref x, (nuint)i + 8), v3 = Vector128.LoadUnsafe(ref x, (nuint)i + 12);
            Vector128<int> p0 = Vector128<int>.Zero, p1 = p0, p2 = p0, p3 = p0;
            foreach (var threshold in thresholds)
            {
                var bound = Vector128.Create(threshold);
                p0 -= Vector128.GreaterThanOrEqual(v0, bound).AsInt32();
                p1 -= Vector128.GreaterThanOrEqual(v1, bound).AsInt32();
                p2 -= Vector128.GreaterThanOrEqual(v2, bound).AsInt32();
                p3 -= Vector128.GreaterThanOrEqual(v3, bound).AsInt32();
            }

            Positions.Narrow(p0, p1, p2, p3).StoreUnsafe(ref code, (nuint)i);
            for (var j = i; j < i + Block; j++)
            {
                ref var position = ref Unsafe.Add(ref code, j);
                position = map[position];
            }

            if (i == last)
            {
                return;
            }
        }
    }
}

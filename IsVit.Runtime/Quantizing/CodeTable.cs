using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Quantizing;

/// <summary>What codes stand for, by tables of 2^b entries that are held in registers where they fit. Codes must be less than 2^b.</summary>
internal static class CodeTable
{
    private const int Short = 16;

    /// <summary>Looks float32 numbers up.</summary>
    /// <param name="codes">The codes.</param>
    /// <param name="table">2^b entries, b from 2 to 8.</param>
    /// <param name="values">Receives an entry for each code.</param>
    public static void Decode(ReadOnlySpan<byte> codes, ReadOnlySpan<float> table, Span<float> values) => Decode(codes, table, values, VectorWidths.Widest);

    /// <summary>Looks float32 numbers up by vectors of one width.</summary>
    /// <param name="codes">The codes.</param>
    /// <param name="table">2^b entries, b from 2 to 8.</param>
    /// <param name="values">Receives an entry for each code.</param>
    /// <param name="width">The width.</param>
    public static void Decode(ReadOnlySpan<byte> codes, ReadOnlySpan<float> table, Span<float> values, VectorWidth width)
    {
        RequireRoom(codes.Length, values.Length);
        var i = 0;
        if (table.Length <= Short && width >= VectorWidth.Bits256 && Avx2.IsSupported)
        {
            Span<float> padded = stackalloc float[Short];
            padded.Clear();
            table.CopyTo(padded);
            i = width == VectorWidth.Bits512 && Avx512F.IsSupported ? Decode512(codes, padded, values) : Decode256(codes, padded, values);
        }

        for (; i < codes.Length; i++)
        {
            values[i] = table[codes[i]];
        }
    }

    /// <summary>Replaces codes by bytes.</summary>
    /// <param name="codes">The codes; overwritten.</param>
    /// <param name="table">2^b entries, b from 2 to 8.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Replace(Span<byte> codes, ReadOnlySpan<byte> table)
    {
        var i = 0;
        if (table.Length <= Short && (Ssse3.IsSupported || AdvSimd.Arm64.IsSupported))
        {
            Span<byte> padded = stackalloc byte[Short];
            padded.Clear();
            table.CopyTo(padded);
            var entries = Vector128.Create<byte>(padded);
            for (; i <= codes.Length - Short; i += Short)
            {
                var found = Vector128.Create<byte>(codes[i..]);
                (Ssse3.IsSupported ? Ssse3.Shuffle(entries, found) : AdvSimd.Arm64.VectorTableLookup(entries, found)).CopyTo(codes[i..]);
            }
        }

        for (; i < codes.Length; i++)
        {
            codes[i] = table[codes[i]];
        }
    }

    /// <summary>Looks 16-bit integers up.</summary>
    /// <param name="codes">The codes.</param>
    /// <param name="table">2^b entries, b from 2 to 8.</param>
    /// <param name="values">Receives an entry for each code.</param>
    public static void Look(ReadOnlySpan<byte> codes, ReadOnlySpan<short> table, Span<short> values) => Look(codes, table, values, VectorWidths.Widest);

    /// <summary>Looks 16-bit integers up by vectors of one width.</summary>
    /// <param name="codes">The codes.</param>
    /// <param name="table">2^b entries, b from 2 to 8.</param>
    /// <param name="values">Receives an entry for each code.</param>
    /// <param name="width">The width.</param>
    public static void Look(ReadOnlySpan<byte> codes, ReadOnlySpan<short> table, Span<short> values, VectorWidth width)
    {
        RequireRoom(codes.Length, values.Length);
        var i = 0;
        if (width == VectorWidth.Bits512 && Avx512BW.IsSupported)
        {
            i = table.Length switch
            {
                <= 32 => Look512Short(codes, table, values),
                64 => Look512<Of64>(codes, table, values),
                128 => Look512<Of128>(codes, table, values),
                256 => Look512<Of256>(codes, table, values),
                _ => 0,
            };
        }
        else if (table.Length <= Short && width >= VectorWidth.Bits256 && Avx2.IsSupported)
        {
            i = Look256(codes, table, values);
        }

        for (; i < codes.Length; i++)
        {
            values[i] = table[codes[i]];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Decode512(ReadOnlySpan<byte> codes, ReadOnlySpan<float> padded, Span<float> values)
    {
        ref var from = ref MemoryMarshal.GetReference(codes);
        ref var to = ref MemoryMarshal.GetReference(values);
        var entries = Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(padded));
        var i = 0;
        for (; i <= codes.Length - 16; i += 16)
        {
            Avx512F.PermuteVar16x32(entries, Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref from, (nuint)i))).StoreUnsafe(ref to, (nuint)i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Decode256(ReadOnlySpan<byte> codes, ReadOnlySpan<float> padded, Span<float> values)
    {
        ref var from = ref MemoryMarshal.GetReference(codes);
        ref var to = ref MemoryMarshal.GetReference(values);
        var low = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(padded));
        var high = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(padded), 8);
        var i = 0;
        for (; i <= codes.Length - 16; i += 16)
        {
            var pair = Vector128.LoadUnsafe(ref from, (nuint)i);
            Entries(Avx2.ConvertToVector256Int32(pair), low, high).StoreUnsafe(ref to, (nuint)i);
            Entries(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(pair, 8)), low, high).StoreUnsafe(ref to, (nuint)i + 8);
        }

        return i;
    }

    // Bit 3 of a code chooses the register: shifted to where a blend reads the sign.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Entries(Vector256<int> codes, Vector256<float> low, Vector256<float> high) =>
        Avx.BlendVariable(Avx2.PermuteVar8x32(low, codes), Avx2.PermuteVar8x32(high, codes), (codes << 28).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Look512Short(ReadOnlySpan<byte> codes, ReadOnlySpan<short> table, Span<short> values)
    {
        Span<short> padded = stackalloc short[32];
        padded.Clear();
        table.CopyTo(padded);
        ref var from = ref MemoryMarshal.GetReference(codes);
        ref var to = ref MemoryMarshal.GetReference(values);
        var entries = Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(padded));
        var i = 0;
        for (; i <= codes.Length - 32; i += 32)
        {
            Avx512BW.PermuteVar32x16(entries, Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref from, (nuint)i))).StoreUnsafe(ref to, (nuint)i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Look512<TTable>(ReadOnlySpan<byte> codes, ReadOnlySpan<short> table, Span<short> values)
        where TTable : struct, ILongTable
    {
        ref var from = ref MemoryMarshal.GetReference(codes);
        ref var to = ref MemoryMarshal.GetReference(values);
        ref var entries = ref MemoryMarshal.GetReference(table);
        var i = 0;
        for (; i <= codes.Length - 32; i += 32)
        {
            TTable.Entries(ref entries, Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref from, (nuint)i))).StoreUnsafe(ref to, (nuint)i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Entries64(ref short table, Vector512<short> codes) => Avx512BW.PermuteVar32x16x2(Vector512.LoadUnsafe(ref table), codes, Vector512.LoadUnsafe(ref table, 32));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Look256(ReadOnlySpan<byte> codes, ReadOnlySpan<short> table, Span<short> values)
    {
        // A permutation of bytes looks up 16 entries at once: one of the low bytes, one of the high ones.
        Span<byte> lowBytes = stackalloc byte[Short], highBytes = stackalloc byte[Short];
        lowBytes.Clear();
        highBytes.Clear();
        for (var e = 0; e < table.Length; e++)
        {
            (lowBytes[e], highBytes[e]) = ((byte)table[e], (byte)(table[e] >> 8));
        }

        ref var from = ref MemoryMarshal.GetReference(codes);
        ref var to = ref MemoryMarshal.GetReference(values);
        Vector128<byte> low = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(lowBytes)), high = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(highBytes));
        Vector256<byte> lows = Vector256.Create(low, low), highs = Vector256.Create(high, high);
        var i = 0;
        for (; i <= codes.Length - 32; i += 32)
        {
            var c = Vector256.LoadUnsafe(ref from, (nuint)i);
            Vector256<byte> l = Avx2.Shuffle(lows, c), h = Avx2.Shuffle(highs, c);
            Vector256<byte> first = Avx2.UnpackLow(l, h), second = Avx2.UnpackHigh(l, h);
            Avx2.Permute2x128(first, second, 0x20).AsInt16().StoreUnsafe(ref to, (nuint)i);
            Avx2.Permute2x128(first, second, 0x31).AsInt16().StoreUnsafe(ref to, (nuint)i + 16);
        }

        return i;
    }

    private static void RequireRoom(int codes, int values)
    {
        if (values < codes)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {codes} codes and room for {values} results; expected room for all."), nameof(values));
        }
    }

    private interface ILongTable
    {
        static abstract Vector512<short> Entries(ref short table, Vector512<short> codes);
    }

    private readonly struct Of64 : ILongTable
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<short> Entries(ref short table, Vector512<short> codes) => Entries64(ref table, codes);
    }

    private readonly struct Of128 : ILongTable
    {
        // A permutation reads the low six bits of a code; the seventh chooses between two.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<short> Entries(ref short table, Vector512<short> codes) => Vector512.ConditionalSelect(
            Vector512.GreaterThan(codes, Vector512.Create((short)63)), Entries64(ref Unsafe.Add(ref table, 64), codes), Entries64(ref table, codes));
    }

    private readonly struct Of256 : ILongTable
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<short> Entries(ref short table, Vector512<short> codes) => Vector512.ConditionalSelect(
            Vector512.GreaterThan(codes, Vector512.Create((short)127)),
            Of128.Entries(ref Unsafe.Add(ref table, 128), codes & Vector512.Create((short)127)),
            Of128.Entries(ref table, codes));
    }
}

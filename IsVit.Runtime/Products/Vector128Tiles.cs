using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Products;

#pragma warning disable MA0051 // Unrolled, so that sums stay in registers.

/// <summary>Tiles of six rows by one panel with vectors of 128 bits, which every processor has that .NET knows: NEON on Arm. Three rows at a time, so that sixteen registers nearly do.</summary>
internal static unsafe class Vector128Tiles
{
    private const int RowsAtOnce = 3;
    private const int Columns = 8;

    /// <summary>A product of two bytes fits 16 bits, and twice as many steps as instructions that add two products at once.</summary>
    public static void Bytes1(byte* x, nint xStride, sbyte* w, nint panelStride, int steps, int run, int* sums)
    {
        for (var row = 0; row < Tiles.Rows; row += RowsAtOnce)
        {
            for (var column = 0; column < Panel.Width; column += Columns)
            {
                Bytes(x + (row * xStride), xStride, w + (column * 4), steps, 2 * run, sums + (row * Panel.Width) + column);
            }
        }
    }

    public static void Shorts1(short* x, nint xStride, sbyte* w, nint panelStride, int steps, int* sums)
    {
        for (var row = 0; row < Tiles.Rows; row += RowsAtOnce)
        {
            for (var column = 0; column < Panel.Width; column += Columns)
            {
                Shorts(x + (row * xStride), xStride, w + (column * 2), steps, sums + (row * Panel.Width) + column);
            }
        }
    }

    public static void Floats1(float* x, nint xStride, float* w, nint panelStride, int steps, float* sums)
    {
        for (var row = 0; row < Tiles.Rows; row += RowsAtOnce)
        {
            Floats(x + (row * xStride), xStride, w, steps, sums + (row * Panel.Width));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes(byte* x, nint xStride, sbyte* w, int steps, int run, int* sums)
    {
        for (var first = 0; first < steps; first += run)
        {
            var end = Math.Min(first + run, steps);
            Vector128<short> a0 = Vector128<short>.Zero, a1 = a0, a2 = a0, a3 = a0;
            Vector128<short> b0 = Vector128<short>.Zero, b1 = b0, b2 = b0, b3 = b0;
            Vector128<short> c0 = Vector128<short>.Zero, c1 = c0, c2 = c0, c3 = c0;
            for (var step = first; step < end; step++)
            {
                var (low, high) = Vector128.Widen(Vector128.Load(w + (step * 64)));
                var xa = Four(x + (step * 4));
                var xb = Four(x + xStride + (step * 4));
                var xc = Four(x + (2 * xStride) + (step * 4));
                a0 += xa * low;
                b0 += xb * low;
                c0 += xc * low;
                a1 += xa * high;
                b1 += xb * high;
                c1 += xc * high;
                (low, high) = Vector128.Widen(Vector128.Load(w + (step * 64) + 16));
                a2 += xa * low;
                b2 += xb * low;
                c2 += xc * low;
                a3 += xa * high;
                b3 += xb * high;
                c3 += xc * high;
            }

            Widen(a0, a1, a2, a3, sums, first);
            Widen(b0, b1, b2, b3, sums + Panel.Width, first);
            Widen(c0, c1, c2, c3, sums + (2 * Panel.Width), first);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Shorts(short* x, nint xStride, sbyte* w, int steps, int* sums)
    {
        Vector128<int> a0 = Vector128<int>.Zero, a1 = a0, a2 = a0, a3 = a0;
        Vector128<int> b0 = Vector128<int>.Zero, b1 = b0, b2 = b0, b3 = b0;
        Vector128<int> c0 = Vector128<int>.Zero, c1 = c0, c2 = c0, c3 = c0;
        for (var step = 0; step < steps; step++)
        {
            var (low, high) = Vector128.Widen(Vector128.Load(w + (step * 32)));
            var xa = Two(x + (step * 2));
            var xb = Two(x + xStride + (step * 2));
            var xc = Two(x + (2 * xStride) + (step * 2));
            var (w0, w1) = Vector128.Widen(low);
            a0 += xa * w0;
            b0 += xb * w0;
            c0 += xc * w0;
            a1 += xa * w1;
            b1 += xb * w1;
            c1 += xc * w1;
            (w0, w1) = Vector128.Widen(high);
            a2 += xa * w0;
            b2 += xb * w0;
            c2 += xc * w0;
            a3 += xa * w1;
            b3 += xb * w1;
            c3 += xc * w1;
        }

        AddPairs(a0, a1, a2, a3, sums);
        AddPairs(b0, b1, b2, b3, sums + Panel.Width);
        AddPairs(c0, c1, c2, c3, sums + (2 * Panel.Width));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Floats(float* x, nint xStride, float* w, int steps, float* sums)
    {
        Lanes128 a0 = Lanes128.All(0), a1 = a0, a2 = a0, a3 = a0;
        Lanes128 b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        Lanes128 c0 = a0, c1 = a0, c2 = a0, c3 = a0;
        for (var step = 0; step < steps; step++, w += Panel.Width)
        {
            Lanes128 w0 = Lanes128.Load(ref *w), w1 = Lanes128.Load(ref *(w + 4)), w2 = Lanes128.Load(ref *(w + 8)), w3 = Lanes128.Load(ref *(w + 12));
            var v = Lanes128.All(x[step]);
            a0 = Lanes128.MultiplyAdd(v, w0, a0);
            a1 = Lanes128.MultiplyAdd(v, w1, a1);
            a2 = Lanes128.MultiplyAdd(v, w2, a2);
            a3 = Lanes128.MultiplyAdd(v, w3, a3);
            v = Lanes128.All(x[xStride + step]);
            b0 = Lanes128.MultiplyAdd(v, w0, b0);
            b1 = Lanes128.MultiplyAdd(v, w1, b1);
            b2 = Lanes128.MultiplyAdd(v, w2, b2);
            b3 = Lanes128.MultiplyAdd(v, w3, b3);
            v = Lanes128.All(x[(2 * xStride) + step]);
            c0 = Lanes128.MultiplyAdd(v, w0, c0);
            c1 = Lanes128.MultiplyAdd(v, w1, c1);
            c2 = Lanes128.MultiplyAdd(v, w2, c2);
            c3 = Lanes128.MultiplyAdd(v, w3, c3);
        }

        Store(a0, a1, a2, a3, sums);
        Store(b0, b1, b2, b3, sums + Panel.Width);
        Store(c0, c1, c2, c3, sums + (2 * Panel.Width));
    }

    /// <summary>Four bytes, twice, in 16 bits each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Four(byte* x) => Vector128.WidenLower(Vector128.Create(*(int*)x).AsByte()).AsInt16();

    /// <summary>Two 16-bit numbers, twice, in 32 bits each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Two(short* x) => Vector128.WidenLower(Vector128.Create(*(int*)x).AsInt16());

    /// <summary>Adds the four 16-bit sums of each of eight columns to the 32-bit sums before, of which there are none in the first run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(Vector128<short> first, Vector128<short> second, Vector128<short> third, Vector128<short> fourth, int* wide, int step)
    {
        var (before, after) = step == 0 ? (Vector128<int>.Zero, Vector128<int>.Zero) : (Vector128.Load(wide), Vector128.Load(wide + 4));
        (before + SumsOfFour(first, second)).Store(wide);
        (after + SumsOfFour(third, fourth)).Store(wide + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> SumsOfFour(Vector128<short> left, Vector128<short> right)
    {
        var (a, b) = Vector128.Widen(left);
        var (c, d) = Vector128.Widen(right);
        return Vector128.Create(Vector128.Sum(a), Vector128.Sum(b), Vector128.Sum(c), Vector128.Sum(d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPairs(Vector128<int> first, Vector128<int> second, Vector128<int> third, Vector128<int> fourth, int* sums)
    {
        Pairs(first, second).Store(sums);
        Pairs(third, fourth).Store(sums + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Pairs(Vector128<int> left, Vector128<int> right) => Vector128.Create(left[0] + left[1], left[2] + left[3], right[0] + right[1], right[2] + right[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Lanes128 first, Lanes128 second, Lanes128 third, Lanes128 fourth, float* sums)
    {
        Lanes128.Store(first, ref *sums);
        Lanes128.Store(second, ref *(sums + 4));
        Lanes128.Store(third, ref *(sums + 8));
        Lanes128.Store(fourth, ref *(sums + 12));
    }
}

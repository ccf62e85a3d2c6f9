using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IsVit.Runtime.Products;

#pragma warning disable MA0051 // Unrolled, so that sums stay in registers.

/// <summary>Tiles of six rows by one panel with AVX2 and FMA: twelve sums, two vectors of the right operand and one of the left fill the registers.</summary>
internal static unsafe class Avx2Tiles
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Bytes1(byte* x, nint xStride, sbyte* w, nint panelStride, int steps, int run, int* sums)
    {
        var ones = Vector256.Create((short)1);
        for (var first = 0; first < steps; first += run)
        {
            var end = Math.Min(first + run, steps);
            Vector256<short> a0 = Vector256<short>.Zero, a1 = Vector256<short>.Zero;
            Vector256<short> b0 = Vector256<short>.Zero, b1 = Vector256<short>.Zero;
            Vector256<short> c0 = Vector256<short>.Zero, c1 = Vector256<short>.Zero;
            Vector256<short> d0 = Vector256<short>.Zero, d1 = Vector256<short>.Zero;
            Vector256<short> e0 = Vector256<short>.Zero, e1 = Vector256<short>.Zero;
            Vector256<short> f0 = Vector256<short>.Zero, f1 = Vector256<short>.Zero;
            var x3 = x + (3 * xStride);
            var wide = 2 * xStride;
            for (var step = first; step < end; step++)
            {
                var w0 = Vector256.Load(w + (step * 64));
                var w1 = Vector256.Load(w + (step * 64) + 32);
                var v = Vector256.Create(*(int*)(x + (step * 4))).AsByte();
                a0 = Avx2.Add(a0, Avx2.MultiplyAddAdjacent(v, w0));
                a1 = Avx2.Add(a1, Avx2.MultiplyAddAdjacent(v, w1));
                v = Vector256.Create(*(int*)(x + xStride + (step * 4))).AsByte();
                b0 = Avx2.Add(b0, Avx2.MultiplyAddAdjacent(v, w0));
                b1 = Avx2.Add(b1, Avx2.MultiplyAddAdjacent(v, w1));
                v = Vector256.Create(*(int*)(x + wide + (step * 4))).AsByte();
                c0 = Avx2.Add(c0, Avx2.MultiplyAddAdjacent(v, w0));
                c1 = Avx2.Add(c1, Avx2.MultiplyAddAdjacent(v, w1));
                v = Vector256.Create(*(int*)(x3 + (step * 4))).AsByte();
                d0 = Avx2.Add(d0, Avx2.MultiplyAddAdjacent(v, w0));
                d1 = Avx2.Add(d1, Avx2.MultiplyAddAdjacent(v, w1));
                v = Vector256.Create(*(int*)(x3 + xStride + (step * 4))).AsByte();
                e0 = Avx2.Add(e0, Avx2.MultiplyAddAdjacent(v, w0));
                e1 = Avx2.Add(e1, Avx2.MultiplyAddAdjacent(v, w1));
                v = Vector256.Create(*(int*)(x3 + wide + (step * 4))).AsByte();
                f0 = Avx2.Add(f0, Avx2.MultiplyAddAdjacent(v, w0));
                f1 = Avx2.Add(f1, Avx2.MultiplyAddAdjacent(v, w1));
            }

            Widen(a0, ones, sums, first);
            Widen(a1, ones, sums + 8, first);
            Widen(b0, ones, sums + 16, first);
            Widen(b1, ones, sums + 24, first);
            Widen(c0, ones, sums + 32, first);
            Widen(c1, ones, sums + 40, first);
            Widen(d0, ones, sums + 48, first);
            Widen(d1, ones, sums + 56, first);
            Widen(e0, ones, sums + 64, first);
            Widen(e1, ones, sums + 72, first);
            Widen(f0, ones, sums + 80, first);
            Widen(f1, ones, sums + 88, first);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Shorts1(short* x, nint xStride, sbyte* w, nint panelStride, int steps, int* sums)
    {
        Vector256<int> a0 = Vector256<int>.Zero, a1 = Vector256<int>.Zero;
        Vector256<int> b0 = Vector256<int>.Zero, b1 = Vector256<int>.Zero;
        Vector256<int> c0 = Vector256<int>.Zero, c1 = Vector256<int>.Zero;
        Vector256<int> d0 = Vector256<int>.Zero, d1 = Vector256<int>.Zero;
        Vector256<int> e0 = Vector256<int>.Zero, e1 = Vector256<int>.Zero;
        Vector256<int> f0 = Vector256<int>.Zero, f1 = Vector256<int>.Zero;
        var x3 = x + (3 * xStride);
        var wide = 2 * xStride;
        for (var step = 0; step < steps; step++)
        {
            var w0 = Avx2.ConvertToVector256Int16(w + (step * 32));
            var w1 = Avx2.ConvertToVector256Int16(w + (step * 32) + 16);
            var v = Vector256.Create(*(int*)(x + (step * 2))).AsInt16();
            a0 = Avx2.Add(a0, Avx2.MultiplyAddAdjacent(v, w0));
            a1 = Avx2.Add(a1, Avx2.MultiplyAddAdjacent(v, w1));
            v = Vector256.Create(*(int*)(x + xStride + (step * 2))).AsInt16();
            b0 = Avx2.Add(b0, Avx2.MultiplyAddAdjacent(v, w0));
            b1 = Avx2.Add(b1, Avx2.MultiplyAddAdjacent(v, w1));
            v = Vector256.Create(*(int*)(x + wide + (step * 2))).AsInt16();
            c0 = Avx2.Add(c0, Avx2.MultiplyAddAdjacent(v, w0));
            c1 = Avx2.Add(c1, Avx2.MultiplyAddAdjacent(v, w1));
            v = Vector256.Create(*(int*)(x3 + (step * 2))).AsInt16();
            d0 = Avx2.Add(d0, Avx2.MultiplyAddAdjacent(v, w0));
            d1 = Avx2.Add(d1, Avx2.MultiplyAddAdjacent(v, w1));
            v = Vector256.Create(*(int*)(x3 + xStride + (step * 2))).AsInt16();
            e0 = Avx2.Add(e0, Avx2.MultiplyAddAdjacent(v, w0));
            e1 = Avx2.Add(e1, Avx2.MultiplyAddAdjacent(v, w1));
            v = Vector256.Create(*(int*)(x3 + wide + (step * 2))).AsInt16();
            f0 = Avx2.Add(f0, Avx2.MultiplyAddAdjacent(v, w0));
            f1 = Avx2.Add(f1, Avx2.MultiplyAddAdjacent(v, w1));
        }

        a0.Store(sums);
        a1.Store(sums + 8);
        b0.Store(sums + 16);
        b1.Store(sums + 24);
        c0.Store(sums + 32);
        c1.Store(sums + 40);
        d0.Store(sums + 48);
        d1.Store(sums + 56);
        e0.Store(sums + 64);
        e1.Store(sums + 72);
        f0.Store(sums + 80);
        f1.Store(sums + 88);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Floats1(float* x, nint xStride, float* w, nint panelStride, int steps, float* sums)
    {
        Vector256<float> a0 = Vector256<float>.Zero, a1 = Vector256<float>.Zero;
        Vector256<float> b0 = Vector256<float>.Zero, b1 = Vector256<float>.Zero;
        Vector256<float> c0 = Vector256<float>.Zero, c1 = Vector256<float>.Zero;
        Vector256<float> d0 = Vector256<float>.Zero, d1 = Vector256<float>.Zero;
        Vector256<float> e0 = Vector256<float>.Zero, e1 = Vector256<float>.Zero;
        Vector256<float> f0 = Vector256<float>.Zero, f1 = Vector256<float>.Zero;
        var x3 = x + (3 * xStride);
        var wide = 2 * xStride;
        for (var step = 0; step < steps; step++)
        {
            var w0 = Vector256.Load(w + (step * 16));
            var w1 = Vector256.Load(w + (step * 16) + 8);
            var v = Vector256.Create(*(x + step));
            a0 = Fma.MultiplyAdd(v, w0, a0);
            a1 = Fma.MultiplyAdd(v, w1, a1);
            v = Vector256.Create(*(x + xStride + step));
            b0 = Fma.MultiplyAdd(v, w0, b0);
            b1 = Fma.MultiplyAdd(v, w1, b1);
            v = Vector256.Create(*(x + wide + step));
            c0 = Fma.MultiplyAdd(v, w0, c0);
            c1 = Fma.MultiplyAdd(v, w1, c1);
            v = Vector256.Create(*(x3 + step));
            d0 = Fma.MultiplyAdd(v, w0, d0);
            d1 = Fma.MultiplyAdd(v, w1, d1);
            v = Vector256.Create(*(x3 + xStride + step));
            e0 = Fma.MultiplyAdd(v, w0, e0);
            e1 = Fma.MultiplyAdd(v, w1, e1);
            v = Vector256.Create(*(x3 + wide + step));
            f0 = Fma.MultiplyAdd(v, w0, f0);
            f1 = Fma.MultiplyAdd(v, w1, f1);
        }

        a0.Store(sums);
        a1.Store(sums + 8);
        b0.Store(sums + 16);
        b1.Store(sums + 24);
        c0.Store(sums + 32);
        c1.Store(sums + 40);
        d0.Store(sums + 48);
        d1.Store(sums + 56);
        e0.Store(sums + 64);
        e1.Store(sums + 72);
        f0.Store(sums + 80);
        f1.Store(sums + 88);
    }

    /// <summary>Adds each two neighbouring 16-bit sums to the 32-bit sums before, of which there are none in the first run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(Vector256<short> sums, Vector256<short> ones, int* wide, int first)
    {
        var pairs = Avx2.MultiplyAddAdjacent(sums, ones);
        (first == 0 ? pairs : pairs + Vector256.Load(wide)).Store(wide);
    }
}

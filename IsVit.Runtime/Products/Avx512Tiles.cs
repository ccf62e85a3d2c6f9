using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IsVit.Runtime.Products;

#pragma warning disable MA0051 // Unrolled, so that sums stay in registers.

/// <summary>Tiles of six rows by four panels, or by one, with AVX-512BW: 24 sums, four vectors of the right operand and one of the left fill the registers.</summary>
internal static unsafe class Avx512Tiles
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Bytes4(byte* x, nint xStride, sbyte* w, nint panelStride, int steps, int run, int* sums)
    {
        var ones = Vector512.Create((short)1);
        for (var first = 0; first < steps; first += run)
        {
            var end = Math.Min(first + run, steps);
            Vector512<short> a0 = Vector512<short>.Zero, a1 = Vector512<short>.Zero, a2 = Vector512<short>.Zero, a3 = Vector512<short>.Zero;
            Vector512<short> b0 = Vector512<short>.Zero, b1 = Vector512<short>.Zero, b2 = Vector512<short>.Zero, b3 = Vector512<short>.Zero;
            Vector512<short> c0 = Vector512<short>.Zero, c1 = Vector512<short>.Zero, c2 = Vector512<short>.Zero, c3 = Vector512<short>.Zero;
            Vector512<short> d0 = Vector512<short>.Zero, d1 = Vector512<short>.Zero, d2 = Vector512<short>.Zero, d3 = Vector512<short>.Zero;
            Vector512<short> e0 = Vector512<short>.Zero, e1 = Vector512<short>.Zero, e2 = Vector512<short>.Zero, e3 = Vector512<short>.Zero;
            Vector512<short> f0 = Vector512<short>.Zero, f1 = Vector512<short>.Zero, f2 = Vector512<short>.Zero, f3 = Vector512<short>.Zero;
            var x3 = x + (3 * xStride);
            var wide = 2 * xStride;
            for (var step = first; step < end; step++)
            {
                var w0 = Vector512.Load(w + (step * 64));
                var w1 = Vector512.Load(w + panelStride + (step * 64));
                var w2 = Vector512.Load(w + (2 * panelStride) + (step * 64));
                var w3 = Vector512.Load(w + (3 * panelStride) + (step * 64));
                var v = Vector512.Create(*(int*)(x + (step * 4))).AsByte();
                a0 = Avx512BW.Add(a0, Avx512BW.MultiplyAddAdjacent(v, w0));
                a1 = Avx512BW.Add(a1, Avx512BW.MultiplyAddAdjacent(v, w1));
                a2 = Avx512BW.Add(a2, Avx512BW.MultiplyAddAdjacent(v, w2));
                a3 = Avx512BW.Add(a3, Avx512BW.MultiplyAddAdjacent(v, w3));
                v = Vector512.Create(*(int*)(x + xStride + (step * 4))).AsByte();
                b0 = Avx512BW.Add(b0, Avx512BW.MultiplyAddAdjacent(v, w0));
                b1 = Avx512BW.Add(b1, Avx512BW.MultiplyAddAdjacent(v, w1));
                b2 = Avx512BW.Add(b2, Avx512BW.MultiplyAddAdjacent(v, w2));
                b3 = Avx512BW.Add(b3, Avx512BW.MultiplyAddAdjacent(v, w3));
                v = Vector512.Create(*(int*)(x + wide + (step * 4))).AsByte();
                c0 = Avx512BW.Add(c0, Avx512BW.MultiplyAddAdjacent(v, w0));
                c1 = Avx512BW.Add(c1, Avx512BW.MultiplyAddAdjacent(v, w1));
                c2 = Avx512BW.Add(c2, Avx512BW.MultiplyAddAdjacent(v, w2));
                c3 = Avx512BW.Add(c3, Avx512BW.MultiplyAddAdjacent(v, w3));
                v = Vector512.Create(*(int*)(x3 + (step * 4))).AsByte();
                d0 = Avx512BW.Add(d0, Avx512BW.MultiplyAddAdjacent(v, w0));
                d1 = Avx512BW.Add(d1, Avx512BW.MultiplyAddAdjacent(v, w1));
                d2 = Avx512BW.Add(d2, Avx512BW.MultiplyAddAdjacent(v, w2));
                d3 = Avx512BW.Add(d3, Avx512BW.MultiplyAddAdjacent(v, w3));
                v = Vector512.Create(*(int*)(x3 + xStride + (step * 4))).AsByte();
                e0 = Avx512BW.Add(e0, Avx512BW.MultiplyAddAdjacent(v, w0));
                e1 = Avx512BW.Add(e1, Avx512BW.MultiplyAddAdjacent(v, w1));
                e2 = Avx512BW.Add(e2, Avx512BW.MultiplyAddAdjacent(v, w2));
                e3 = Avx512BW.Add(e3, Avx512BW.MultiplyAddAdjacent(v, w3));
                v = Vector512.Create(*(int*)(x3 + wide + (step * 4))).AsByte();
                f0 = Avx512BW.Add(f0, Avx512BW.MultiplyAddAdjacent(v, w0));
                f1 = Avx512BW.Add(f1, Avx512BW.MultiplyAddAdjacent(v, w1));
                f2 = Avx512BW.Add(f2, Avx512BW.MultiplyAddAdjacent(v, w2));
                f3 = Avx512BW.Add(f3, Avx512BW.MultiplyAddAdjacent(v, w3));
            }

            Widen(a0, ones, sums, first);
            Widen(a1, ones, sums + 16, first);
            Widen(a2, ones, sums + 32, first);
            Widen(a3, ones, sums + 48, first);
            Widen(b0, ones, sums + 64, first);
            Widen(b1, ones, sums + 80, first);
            Widen(b2, ones, sums + 96, first);
            Widen(b3, ones, sums + 112, first);
            Widen(c0, ones, sums + 128, first);
            Widen(c1, ones, sums + 144, first);
            Widen(c2, ones, sums + 160, first);
            Widen(c3, ones, sums + 176, first);
            Widen(d0, ones, sums + 192, first);
            Widen(d1, ones, sums + 208, first);
            Widen(d2, ones, sums + 224, first);
            Widen(d3, ones, sums + 240, first);
            Widen(e0, ones, sums + 256, first);
            Widen(e1, ones, sums + 272, first);
            Widen(e2, ones, sums + 288, first);
            Widen(e3, ones, sums + 304, first);
            Widen(f0, ones, sums + 320, first);
            Widen(f1, ones, sums + 336, first);
            Widen(f2, ones, sums + 352, first);
            Widen(f3, ones, sums + 368, first);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Bytes1(byte* x, nint xStride, sbyte* w, nint panelStride, int steps, int run, int* sums)
    {
        var ones = Vector512.Create((short)1);
        for (var first = 0; first < steps; first += run)
        {
            var end = Math.Min(first + run, steps);
            Vector512<short> a0 = Vector512<short>.Zero;
            Vector512<short> b0 = Vector512<short>.Zero;
            Vector512<short> c0 = Vector512<short>.Zero;
            Vector512<short> d0 = Vector512<short>.Zero;
            Vector512<short> e0 = Vector512<short>.Zero;
            Vector512<short> f0 = Vector512<short>.Zero;
            var x3 = x + (3 * xStride);
            var wide = 2 * xStride;
            for (var step = first; step < end; step++)
            {
                var w0 = Vector512.Load(w + (step * 64));
                var v = Vector512.Create(*(int*)(x + (step * 4))).AsByte();
                a0 = Avx512BW.Add(a0, Avx512BW.MultiplyAddAdjacent(v, w0));
                v = Vector512.Create(*(int*)(x + xStride + (step * 4))).AsByte();
                b0 = Avx512BW.Add(b0, Avx512BW.MultiplyAddAdjacent(v, w0));
                v = Vector512.Create(*(int*)(x + wide + (step * 4))).AsByte();
                c0 = Avx512BW.Add(c0, Avx512BW.MultiplyAddAdjacent(v, w0));
                v = Vector512.Create(*(int*)(x3 + (step * 4))).AsByte();
                d0 = Avx512BW.Add(d0, Avx512BW.MultiplyAddAdjacent(v, w0));
                v = Vector512.Create(*(int*)(x3 + xStride + (step * 4))).AsByte();
                e0 = Avx512BW.Add(e0, Avx512BW.MultiplyAddAdjacent(v, w0));
                v = Vector512.Create(*(int*)(x3 + wide + (step * 4))).AsByte();
                f0 = Avx512BW.Add(f0, Avx512BW.MultiplyAddAdjacent(v, w0));
            }

            Widen(a0, ones, sums, first);
            Widen(b0, ones, sums + 16, first);
            Widen(c0, ones, sums + 32, first);
            Widen(d0, ones, sums + 48, first);
            Widen(e0, ones, sums + 64, first);
            Widen(f0, ones, sums + 80, first);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Shorts4(short* x, nint xStride, sbyte* w, nint panelStride, int steps, int* sums)
    {
        Vector512<int> a0 = Vector512<int>.Zero, a1 = Vector512<int>.Zero, a2 = Vector512<int>.Zero, a3 = Vector512<int>.Zero;
        Vector512<int> b0 = Vector512<int>.Zero, b1 = Vector512<int>.Zero, b2 = Vector512<int>.Zero, b3 = Vector512<int>.Zero;
        Vector512<int> c0 = Vector512<int>.Zero, c1 = Vector512<int>.Zero, c2 = Vector512<int>.Zero, c3 = Vector512<int>.Zero;
        Vector512<int> d0 = Vector512<int>.Zero, d1 = Vector512<int>.Zero, d2 = Vector512<int>.Zero, d3 = Vector512<int>.Zero;
        Vector512<int> e0 = Vector512<int>.Zero, e1 = Vector512<int>.Zero, e2 = Vector512<int>.Zero, e3 = Vector512<int>.Zero;
        Vector512<int> f0 = Vector512<int>.Zero, f1 = Vector512<int>.Zero, f2 = Vector512<int>.Zero, f3 = Vector512<int>.Zero;
        var x3 = x + (3 * xStride);
        var wide = 2 * xStride;
        for (var step = 0; step < steps; step++)
        {
            var w0 = Avx512BW.ConvertToVector512Int16(Avx.LoadVector256(w + (step * 32)));
            var w1 = Avx512BW.ConvertToVector512Int16(Avx.LoadVector256(w + panelStride + (step * 32)));
            var w2 = Avx512BW.ConvertToVector512Int16(Avx.LoadVector256(w + (2 * panelStride) + (step * 32)));
            var w3 = Avx512BW.ConvertToVector512Int16(Avx.LoadVector256(w + (3 * panelStride) + (step * 32)));
            var v = Vector512.Create(*(int*)(x + (step * 2))).AsInt16();
            a0 = Avx512F.Add(a0, Avx512BW.MultiplyAddAdjacent(v, w0));
            a1 = Avx512F.Add(a1, Avx512BW.MultiplyAddAdjacent(v, w1));
            a2 = Avx512F.Add(a2, Avx512BW.MultiplyAddAdjacent(v, w2));
            a3 = Avx512F.Add(a3, Avx512BW.MultiplyAddAdjacent(v, w3));
            v = Vector512.Create(*(int*)(x + xStride + (step * 2))).AsInt16();
            b0 = Avx512F.Add(b0, Avx512BW.MultiplyAddAdjacent(v, w0));
            b1 = Avx512F.Add(b1, Avx512BW.MultiplyAddAdjacent(v, w1));
            b2 = Avx512F.Add(b2, Avx512BW.MultiplyAddAdjacent(v, w2));
            b3 = Avx512F.Add(b3, Avx512BW.MultiplyAddAdjacent(v, w3));
            v = Vector512.Create(*(int*)(x + wide + (step * 2))).AsInt16();
            c0 = Avx512F.Add(c0, Avx512BW.MultiplyAddAdjacent(v, w0));
            c1 = Avx512F.Add(c1, Avx512BW.MultiplyAddAdjacent(v, w1));
            c2 = Avx512F.Add(c2, Avx512BW.MultiplyAddAdjacent(v, w2));
            c3 = Avx512F.Add(c3, Avx512BW.MultiplyAddAdjacent(v, w3));
            v = Vector512.Create(*(int*)(x3 + (step * 2))).AsInt16();
            d0 = Avx512F.Add(d0, Avx512BW.MultiplyAddAdjacent(v, w0));
            d1 = Avx512F.Add(d1, Avx512BW.MultiplyAddAdjacent(v, w1));
            d2 = Avx512F.Add(d2, Avx512BW.MultiplyAddAdjacent(v, w2));
            d3 = Avx512F.Add(d3, Avx512BW.MultiplyAddAdjacent(v, w3));
            v = Vector512.Create(*(int*)(x3 + xStride + (step * 2))).AsInt16();
            e0 = Avx512F.Add(e0, Avx512BW.MultiplyAddAdjacent(v, w0));
            e1 = Avx512F.Add(e1, Avx512BW.MultiplyAddAdjacent(v, w1));
            e2 = Avx512F.Add(e2, Avx512BW.MultiplyAddAdjacent(v, w2));
            e3 = Avx512F.Add(e3, Avx512BW.MultiplyAddAdjacent(v, w3));
            v = Vector512.Create(*(int*)(x3 + wide + (step * 2))).AsInt16();
            f0 = Avx512F.Add(f0, Avx512BW.MultiplyAddAdjacent(v, w0));
            f1 = Avx512F.Add(f1, Avx512BW.MultiplyAddAdjacent(v, w1));
            f2 = Avx512F.Add(f2, Avx512BW.MultiplyAddAdjacent(v, w2));
            f3 = Avx512F.Add(f3, Avx512BW.MultiplyAddAdjacent(v, w3));
        }

        a0.Store(sums);
        a1.Store(sums + 16);
        a2.Store(sums + 32);
        a3.Store(sums + 48);
        b0.Store(sums + 64);
        b1.Store(sums + 80);
        b2.Store(sums + 96);
        b3.Store(sums + 112);
        c0.Store(sums + 128);
        c1.Store(sums + 144);
        c2.Store(sums + 160);
        c3.Store(sums + 176);
        d0.Store(sums + 192);
        d1.Store(sums + 208);
        d2.Store(sums + 224);
        d3.Store(sums + 240);
        e0.Store(sums + 256);
        e1.Store(sums + 272);
        e2.Store(sums + 288);
        e3.Store(sums + 304);
        f0.Store(sums + 320);
        f1.Store(sums + 336);
        f2.Store(sums + 352);
        f3.Store(sums + 368);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Shorts1(short* x, nint xStride, sbyte* w, nint panelStride, int steps, int* sums)
    {
        Vector512<int> a0 = Vector512<int>.Zero;
        Vector512<int> b0 = Vector512<int>.Zero;
        Vector512<int> c0 = Vector512<int>.Zero;
        Vector512<int> d0 = Vector512<int>.Zero;
        Vector512<int> e0 = Vector512<int>.Zero;
        Vector512<int> f0 = Vector512<int>.Zero;
        var x3 = x + (3 * xStride);
        var wide = 2 * xStride;
        for (var step = 0; step < steps; step++)
        {
            var w0 = Avx512BW.ConvertToVector512Int16(Avx.LoadVector256(w + (step * 32)));
            var v = Vector512.Create(*(int*)(x + (step * 2))).AsInt16();
            a0 = Avx512F.Add(a0, Avx512BW.MultiplyAddAdjacent(v, w0));
            v = Vector512.Create(*(int*)(x + xStride + (step * 2))).AsInt16();
            b0 = Avx512F.Add(b0, Avx512BW.MultiplyAddAdjacent(v, w0));
            v = Vector512.Create(*(int*)(x + wide + (step * 2))).AsInt16();
            c0 = Avx512F.Add(c0, Avx512BW.MultiplyAddAdjacent(v, w0));
            v = Vector512.Create(*(int*)(x3 + (step * 2))).AsInt16();
            d0 = Avx512F.Add(d0, Avx512BW.MultiplyAddAdjacent(v, w0));
            v = Vector512.Create(*(int*)(x3 + xStride + (step * 2))).AsInt16();
            e0 = Avx512F.Add(e0, Avx512BW.MultiplyAddAdjacent(v, w0));
            v = Vector512.Create(*(int*)(x3 + wide + (step * 2))).AsInt16();
            f0 = Avx512F.Add(f0, Avx512BW.MultiplyAddAdjacent(v, w0));
        }

        a0.Store(sums);
        b0.Store(sums + 16);
        c0.Store(sums + 32);
        d0.Store(sums + 48);
        e0.Store(sums + 64);
        f0.Store(sums + 80);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Floats4(float* x, nint xStride, float* w, nint panelStride, int steps, float* sums)
    {
        Vector512<float> a0 = Vector512<float>.Zero, a1 = Vector512<float>.Zero, a2 = Vector512<float>.Zero, a3 = Vector512<float>.Zero;
        Vector512<float> b0 = Vector512<float>.Zero, b1 = Vector512<float>.Zero, b2 = Vector512<float>.Zero, b3 = Vector512<float>.Zero;
        Vector512<float> c0 = Vector512<float>.Zero, c1 = Vector512<float>.Zero, c2 = Vector512<float>.Zero, c3 = Vector512<float>.Zero;
        Vector512<float> d0 = Vector512<float>.Zero, d1 = Vector512<float>.Zero, d2 = Vector512<float>.Zero, d3 = Vector512<float>.Zero;
        Vector512<float> e0 = Vector512<float>.Zero, e1 = Vector512<float>.Zero, e2 = Vector512<float>.Zero, e3 = Vector512<float>.Zero;
        Vector512<float> f0 = Vector512<float>.Zero, f1 = Vector512<float>.Zero, f2 = Vector512<float>.Zero, f3 = Vector512<float>.Zero;
        var x3 = x + (3 * xStride);
        var wide = 2 * xStride;
        for (var step = 0; step < steps; step++)
        {
            var w0 = Vector512.Load(w + (step * 16));
            var w1 = Vector512.Load(w + panelStride + (step * 16));
            var w2 = Vector512.Load(w + (2 * panelStride) + (step * 16));
            var w3 = Vector512.Load(w + (3 * panelStride) + (step * 16));
            var v = Vector512.Create(*(x + step));
            a0 = Avx512F.FusedMultiplyAdd(v, w0, a0);
            a1 = Avx512F.FusedMultiplyAdd(v, w1, a1);
            a2 = Avx512F.FusedMultiplyAdd(v, w2, a2);
            a3 = Avx512F.FusedMultiplyAdd(v, w3, a3);
            v = Vector512.Create(*(x + xStride + step));
            b0 = Avx512F.FusedMultiplyAdd(v, w0, b0);
            b1 = Avx512F.FusedMultiplyAdd(v, w1, b1);
            b2 = Avx512F.FusedMultiplyAdd(v, w2, b2);
            b3 = Avx512F.FusedMultiplyAdd(v, w3, b3);
            v = Vector512.Create(*(x + wide + step));
            c0 = Avx512F.FusedMultiplyAdd(v, w0, c0);
            c1 = Avx512F.FusedMultiplyAdd(v, w1, c1);
            c2 = Avx512F.FusedMultiplyAdd(v, w2, c2);
            c3 = Avx512F.FusedMultiplyAdd(v, w3, c3);
            v = Vector512.Create(*(x3 + step));
            d0 = Avx512F.FusedMultiplyAdd(v, w0, d0);
            d1 = Avx512F.FusedMultiplyAdd(v, w1, d1);
            d2 = Avx512F.FusedMultiplyAdd(v, w2, d2);
            d3 = Avx512F.FusedMultiplyAdd(v, w3, d3);
            v = Vector512.Create(*(x3 + xStride + step));
            e0 = Avx512F.FusedMultiplyAdd(v, w0, e0);
            e1 = Avx512F.FusedMultiplyAdd(v, w1, e1);
            e2 = Avx512F.FusedMultiplyAdd(v, w2, e2);
            e3 = Avx512F.FusedMultiplyAdd(v, w3, e3);
            v = Vector512.Create(*(x3 + wide + step));
            f0 = Avx512F.FusedMultiplyAdd(v, w0, f0);
            f1 = Avx512F.FusedMultiplyAdd(v, w1, f1);
            f2 = Avx512F.FusedMultiplyAdd(v, w2, f2);
            f3 = Avx512F.FusedMultiplyAdd(v, w3, f3);
        }

        a0.Store(sums);
        a1.Store(sums + 16);
        a2.Store(sums + 32);
        a3.Store(sums + 48);
        b0.Store(sums + 64);
        b1.Store(sums + 80);
        b2.Store(sums + 96);
        b3.Store(sums + 112);
        c0.Store(sums + 128);
        c1.Store(sums + 144);
        c2.Store(sums + 160);
        c3.Store(sums + 176);
        d0.Store(sums + 192);
        d1.Store(sums + 208);
        d2.Store(sums + 224);
        d3.Store(sums + 240);
        e0.Store(sums + 256);
        e1.Store(sums + 272);
        e2.Store(sums + 288);
        e3.Store(sums + 304);
        f0.Store(sums + 320);
        f1.Store(sums + 336);
        f2.Store(sums + 352);
        f3.Store(sums + 368);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Floats1(float* x, nint xStride, float* w, nint panelStride, int steps, float* sums)
    {
        Vector512<float> a0 = Vector512<float>.Zero;
        Vector512<float> b0 = Vector512<float>.Zero;
        Vector512<float> c0 = Vector512<float>.Zero;
        Vector512<float> d0 = Vector512<float>.Zero;
        Vector512<float> e0 = Vector512<float>.Zero;
        Vector512<float> f0 = Vector512<float>.Zero;
        var x3 = x + (3 * xStride);
        var wide = 2 * xStride;
        for (var step = 0; step < steps; step++)
        {
            var w0 = Vector512.Load(w + (step * 16));
            var v = Vector512.Create(*(x + step));
            a0 = Avx512F.FusedMultiplyAdd(v, w0, a0);
            v = Vector512.Create(*(x + xStride + step));
            b0 = Avx512F.FusedMultiplyAdd(v, w0, b0);
            v = Vector512.Create(*(x + wide + step));
            c0 = Avx512F.FusedMultiplyAdd(v, w0, c0);
            v = Vector512.Create(*(x3 + step));
            d0 = Avx512F.FusedMultiplyAdd(v, w0, d0);
            v = Vector512.Create(*(x3 + xStride + step));
            e0 = Avx512F.FusedMultiplyAdd(v, w0, e0);
            v = Vector512.Create(*(x3 + wide + step));
            f0 = Avx512F.FusedMultiplyAdd(v, w0, f0);
        }

        a0.Store(sums);
        b0.Store(sums + 16);
        c0.Store(sums + 32);
        d0.Store(sums + 48);
        e0.Store(sums + 64);
        f0.Store(sums + 80);
    }

    /// <summary>Adds each two neighbouring 16-bit sums to the 32-bit sums before, of which there are none in the first run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(Vector512<short> sums, Vector512<short> ones, int* wide, int first)
    {
        var pairs = Avx512BW.MultiplyAddAdjacent(sums, ones);
        (first == 0 ? pairs : pairs + Vector512.Load(wide)).Store(wide);
    }
}

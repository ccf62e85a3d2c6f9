using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IsVit.Runtime.Products;

#pragma warning disable MA0051 // Unrolled, so that sums stay in registers.

/// <summary>Tiles of six rows by one panel with AVX-VNNI, which adds four products of bytes to a 32-bit sum in one instruction.</summary>
internal static unsafe class VnniTiles
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots1(byte* x, nint xStride, sbyte* w, nint panelStride, int steps, int* sums)
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
            var w0 = Vector256.Load(w + (step * 64));
            var w1 = Vector256.Load(w + (step * 64) + 32);
            var v = Vector256.Create(*(int*)(x + (step * 4))).AsByte();
            a0 = AvxVnni.MultiplyWideningAndAdd(a0, v, w0);
            a1 = AvxVnni.MultiplyWideningAndAdd(a1, v, w1);
            v = Vector256.Create(*(int*)(x + xStride + (step * 4))).AsByte();
            b0 = AvxVnni.MultiplyWideningAndAdd(b0, v, w0);
            b1 = AvxVnni.MultiplyWideningAndAdd(b1, v, w1);
            v = Vector256.Create(*(int*)(x + wide + (step * 4))).AsByte();
            c0 = AvxVnni.MultiplyWideningAndAdd(c0, v, w0);
            c1 = AvxVnni.MultiplyWideningAndAdd(c1, v, w1);
            v = Vector256.Create(*(int*)(x3 + (step * 4))).AsByte();
            d0 = AvxVnni.MultiplyWideningAndAdd(d0, v, w0);
            d1 = AvxVnni.MultiplyWideningAndAdd(d1, v, w1);
            v = Vector256.Create(*(int*)(x3 + xStride + (step * 4))).AsByte();
            e0 = AvxVnni.MultiplyWideningAndAdd(e0, v, w0);
            e1 = AvxVnni.MultiplyWideningAndAdd(e1, v, w1);
            v = Vector256.Create(*(int*)(x3 + wide + (step * 4))).AsByte();
            f0 = AvxVnni.MultiplyWideningAndAdd(f0, v, w0);
            f1 = AvxVnni.MultiplyWideningAndAdd(f1, v, w1);
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
}

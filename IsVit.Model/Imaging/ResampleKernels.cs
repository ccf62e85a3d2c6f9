using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Model.Imaging;

/// <summary>The two passes of <see cref="ImageResizer"/>: sums of 8-bit pixels times fixed-point weights.</summary>
internal static unsafe class ResampleKernels
{
    private const int Half = 1 << (ResampleWeights.PrecisionBits - 1);

    /// <summary>Resizes each row. Four rows at a time, so that a weight is loaded once for four sums; two taps of four channels a step.</summary>
    /// <param name="from">The source.</param>
    /// <param name="firstRow">The source row that becomes row 0.</param>
    /// <param name="to">As wide as there are weights.</param>
    /// <param name="weights">The weights of the columns.</param>
    public static void Horizontal(RgbImage from, int firstRow, RgbImage to, ResampleWeights weights)
    {
        var spread = Spread(weights);
        var tapCount = weights.TapCount;
        fixed (byte* source = from.Buffer, target = to.Buffer)
        fixed (int* taps = spread, starts = weights.Starts)
        {
            var stride = (nint)from.Width * 4;
            var last = to.Height - 1;
            for (var row = 0; row <= last; row += 4)
            {
                // Past the last row, the last one is computed again.
                var s0 = source + ((firstRow + row) * stride);
                var s1 = source + ((firstRow + Math.Min(row + 1, last)) * stride);
                var s2 = source + ((firstRow + Math.Min(row + 2, last)) * stride);
                var s3 = source + ((firstRow + Math.Min(row + 3, last)) * stride);
                var t0 = (uint*)target + ((nint)row * to.Width);
                var t1 = (uint*)target + ((nint)Math.Min(row + 1, last) * to.Width);
                var t2 = (uint*)target + ((nint)Math.Min(row + 2, last) * to.Width);
                var t3 = (uint*)target + ((nint)Math.Min(row + 3, last) * to.Width);
                var weight = taps;
                for (var x = 0; x < to.Width; x++)
                {
                    var sum0 = Vector256<int>.Zero;
                    var sum1 = sum0;
                    var sum2 = sum0;
                    var sum3 = sum0;
                    var at = (nint)starts[x] * 4;
                    for (var tap = 0; tap < tapCount; tap += 2, at += 8, weight += 8)
                    {
                        var w = Vector256.Load(weight);
                        sum0 += Widen(s0 + at) * w;
                        sum1 += Widen(s1 + at) * w;
                        sum2 += Widen(s2 + at) * w;
                        sum3 += Widen(s3 + at) * w;
                    }

                    // Packed together, the four sums become four pixels at once.
                    var rounding = Vector128.Create(Half);
                    var a = Clip(sum0.GetLower() + sum0.GetUpper() + rounding);
                    var b = Clip(sum1.GetLower() + sum1.GetUpper() + rounding);
                    var c = Clip(sum2.GetLower() + sum2.GetUpper() + rounding);
                    var d = Clip(sum3.GetLower() + sum3.GetUpper() + rounding);
                    var pixels = Vector128.Narrow(Vector128.Narrow(a, b).AsUInt16(), Vector128.Narrow(c, d).AsUInt16()).AsUInt32();
                    t0[x] = pixels.GetElement(0);
                    t1[x] = pixels.GetElement(1);
                    t2[x] = pixels.GetElement(2);
                    t3[x] = pixels.GetElement(3);
                }
            }
        }
    }

    /// <summary>Resizes each column.</summary>
    /// <param name="from">The source.</param>
    /// <param name="firstRow">The row that row 0 of the source has in the image that the weights are for.</param>
    /// <param name="to">As wide as the source, as high as there are weights.</param>
    /// <param name="weights">The weights of the rows.</param>
    public static void Vertical(RgbImage from, int firstRow, RgbImage to, ResampleWeights weights)
    {
        fixed (byte* source = from.Buffer, target = to.Buffer)
        fixed (int* taps = weights.Taps)
        {
            var stride = (nint)from.Width * 4;
            for (var row = 0; row < to.Height; row++)
            {
                var start = weights.Starts[row] - firstRow;
                var count = Math.Min(weights.TapCount, from.Height - start);
                var weight = taps + ((nint)row * weights.TapCount);
                var s = source + (start * stride);
                var t = target + (row * stride);

                // 32 bytes a step; the last step may overrun into the next row, which is written after this one, or into the slack.
                for (nint at = 0; at < stride; at += 32)
                {
                    var sum0 = Vector256.Create(Half);
                    var sum1 = sum0;
                    var sum2 = sum0;
                    var sum3 = sum0;
                    var p = s + at;
                    for (var tap = 0; tap < count; tap++, p += stride)
                    {
                        var w = Vector256.Create(weight[tap]);
                        sum0 += Widen(p) * w;
                        sum1 += Widen(p + 8) * w;
                        sum2 += Widen(p + 16) * w;
                        sum3 += Widen(p + 24) * w;
                    }

                    var lower = Vector256.Narrow(Clip(sum0), Clip(sum1)).AsUInt16();
                    var upper = Vector256.Narrow(Clip(sum2), Clip(sum3)).AsUInt16();
                    Vector256.Narrow(lower, upper).Store(t + at);
                }
            }
        }
    }

    /// <summary>The weights with each repeated for the four channels of a pixel.</summary>
    private static int[] Spread(ResampleWeights weights)
    {
        var spread = new int[weights.Taps.Length * 4];
        for (var i = 0; i < weights.Taps.Length; i++)
        {
            spread.AsSpan(i * 4, 4).Fill(weights.Taps[i]);
        }

        return spread;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(byte* from)
        => Vector256.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)from).AsByte()).ToVector256Unsafe()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Clip(Vector256<int> sum)
        => Vector256.Min(Vector256.Max(sum >> ResampleWeights.PrecisionBits, Vector256<int>.Zero), Vector256.Create(255));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Clip(Vector128<int> sum)
        => Vector128.Min(Vector128.Max(sum >> ResampleWeights.PrecisionBits, Vector128<int>.Zero), Vector128.Create(255));
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace IsVit.Model.Imaging;

/// <summary>8-bit pixels to planes of normalized numbers: (value / 255 - mean) / std, each step rounded to float32 as eager tensor operations do.</summary>
internal static class PixelNormalizer
{
    /// <summary>Writes one plane a channel.</summary>
    /// <param name="pixels">Four bytes a pixel.</param>
    /// <param name="mean">One value a channel, 1 to 3 of them.</param>
    /// <param name="std">One value a channel.</param>
    /// <param name="planes">Channels x pixels.</param>
    public static void Normalize(ReadOnlySpan<byte> pixels, IReadOnlyList<float> mean, IReadOnlyList<float> std, Span<float> planes)
    {
        var words = MemoryMarshal.Cast<byte, uint>(pixels);
        for (var channel = 0; channel < mean.Count; channel++)
        {
            Plane(words, BitConverter.IsLittleEndian ? channel * 8 : 24 - (channel * 8), mean[channel], std[channel], planes.Slice(channel * words.Length, words.Length));
        }
    }

    private static void Plane(ReadOnlySpan<uint> pixels, int shift, float mean, float std, Span<float> plane)
    {
        ref var from = ref MemoryMarshal.GetReference(pixels);
        ref var to = ref MemoryMarshal.GetReference(plane);
        var means = Vector256.Create(mean);
        var stds = Vector256.Create(std);
        var i = 0;
        for (; i <= pixels.Length - 8; i += 8)
        {
            var value = (Vector256.LoadUnsafe(ref from, (nuint)i) >>> shift) & Vector256.Create(255u);
            var scaled = Vector256.ConvertToSingle(value.AsInt32()) / Vector256.Create(255f);
            ((scaled - means) / stds).StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < pixels.Length; i++)
        {
            Unsafe.Add(ref to, i) = ((((pixels[i] >> shift) & 255) / 255f) - mean) / std;
        }
    }
}

using System.Runtime.InteropServices;
using IsVit.Core.Arithmetic;
using SkiaSharp;
using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>Small pictures as PNG files.</summary>
internal static class Png
{
    /// <summary>An image with its contrast stretched, for its mean and deviation are not known here.</summary>
    /// <param name="image">[1 or 3, height, width].</param>
    public static byte[] OfImage(Tensor image)
    {
        using var scope = NewDisposeScope();
        var pixels = image.to(float32).cpu();
        var (low, high) = (pixels.min(), pixels.max());
        return Encode(((pixels - low) / (high - low).AtLeast(1e-12)).expand(3, image.shape[1], image.shape[2]));
    }

    /// <summary>A map of numbers in grey.</summary>
    /// <param name="map">[height, width], 0 to 1.</param>
    public static byte[] OfMap(Tensor map)
    {
        using var scope = NewDisposeScope();
        return Encode(map.unsqueeze(0).expand(3, map.shape[0], map.shape[1]));
    }

    private static byte[] Encode(Tensor channels)
    {
        var opaque = ones(1, channels.shape[1], channels.shape[2]);
        var bytes = cat([channels, opaque]).Times(255).round().to(uint8).permute(1, 2, 0).contiguous().data<byte>().ToArray();
        using var bitmap = new SKBitmap(new SKImageInfo((int)channels.shape[2], (int)channels.shape[1], SKColorType.Rgba8888, SKAlphaType.Opaque));
        Marshal.Copy(bytes, 0, bitmap.GetPixels(), bytes.Length);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}

using TorchSharp;

namespace IsVit.Tool.Data;

/// <summary>Grey bytes as a model's input.</summary>
internal static class PixelTensor
{
    /// <summary>Brings 0 to 255 to 0 to 1, then to (value - mean) / std.</summary>
    /// <param name="pixels">[count, height, width].</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <returns>float32, [count, 1, height, width]; the caller's.</returns>
    public static torch.Tensor Normalized(ReadOnlySpan<byte> pixels, int height, int width)
    {
        const float Scale = (float)(1 / (255 * FashionMnist.PixelStd));
        const float Offset = (float)(FashionMnist.PixelMean / FashionMnist.PixelStd);
        var values = new float[pixels.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (pixels[i] * Scale) - Offset;
        }

        return torch.tensor(values, [pixels.Length / (height * width), 1, height, width]);
    }
}

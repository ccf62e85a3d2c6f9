using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IsVit.Detection.Operators;

/// <summary>What becomes of a pixel's value.</summary>
internal interface IPixelWriter<TPixel>
    where TPixel : unmanaged
{
    /// <summary>The pixel.</summary>
    TPixel Of(float value);
}

/// <summary>1 from a threshold on, 0 below.</summary>
internal readonly struct ThresholdPixels(float threshold) : IPixelWriter<byte>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte Of(float value)
    {
        var reaches = value >= threshold;
        return Unsafe.As<bool, byte>(ref reaches);
    }
}

/// <summary>The value itself.</summary>
internal readonly struct PixelValues : IPixelWriter<float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Of(float value) => value;
}

/// <summary>Sizes of an image and of the masks that are pasted on it.</summary>
/// <param name="Height">The image's.</param>
/// <param name="Width">The image's.</param>
/// <param name="MaskHeight">The masks'.</param>
/// <param name="MaskWidth">The masks'.</param>
internal readonly unsafe record struct MaskCanvas(int Height, int Width, int MaskHeight, int MaskWidth)
{
    /// <summary>Writes all pixels of one image.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="box">x1, y1, x2, y2.</param>
    /// <param name="pixels">The image's.</param>
    /// <param name="writer">Makes pixels of values.</param>
    public void Paste<TPixel, TWriter>(float* mask, ReadOnlySpan<float> box, TPixel* pixels, TWriter writer)
        where TPixel : unmanaged
        where TWriter : struct, IPixelWriter<TPixel>
    {
        var (left, right) = Limits(box[0], box[2], Width);
        var (top, bottom) = Limits(box[1], box[3], Height);
        if (ScoreOrder.HasNaN(box) || left >= right || top >= bottom)
        {
            NativeMemory.Clear(pixels, (nuint)Height * (nuint)Width * (nuint)sizeof(TPixel));
            return;
        }

        // Two numbers of 0 on either side of a row stand for the zeros around the mask.
        var columns = new Sample[right - left];
        for (var x = left; x < right; x++)
        {
            columns[x - left] = Sample.Of(x, box[0], box[2], MaskWidth);
        }

        var row = new float[MaskWidth + 4];
        NativeMemory.Clear(pixels, (nuint)top * (nuint)Width * (nuint)sizeof(TPixel));
        for (var y = top; y < bottom; y++)
        {
            var target = pixels + (long)y * Width;
            Blend(mask, Sample.Of(y, box[1], box[3], MaskHeight), row);
            NativeMemory.Clear(target, (nuint)left * (nuint)sizeof(TPixel));
            Row(row, columns, target + left, writer);
            NativeMemory.Clear(target + right, (nuint)(Width - right) * (nuint)sizeof(TPixel));
        }

        NativeMemory.Clear(pixels + (long)bottom * Width, (nuint)(Height - bottom) * (nuint)Width * (nuint)sizeof(TPixel));
    }

    // The box with a pixel on each side, within the image.
    private static (int First, int End) Limits(float first, float last, int length) =>
        ((int)Math.Clamp(MathF.Floor(first) - 1, 0f, length), (int)Math.Clamp(MathF.Ceiling(last) + 1, 0f, length));

    private void Blend(float* mask, Sample sample, float[] row)
    {
        float* upper = mask + (long)(sample.Cell - 2) * MaskWidth, lower = upper + MaskWidth;
        var hasUpper = sample.Cell - 2 >= 0 && sample.Cell - 2 < MaskHeight;
        var hasLower = sample.Cell - 1 >= 0 && sample.Cell - 1 < MaskHeight;
        for (var i = 0; i < MaskWidth; i++)
        {
            row[i + 2] = (hasUpper ? upper[i] * sample.First : 0) + (hasLower ? lower[i] * sample.Second : 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row<TPixel, TWriter>(float[] row, Sample[] columns, TPixel* target, TWriter writer)
        where TPixel : unmanaged
        where TWriter : struct, IPixelWriter<TPixel>
    {
        fixed (float* values = row)
        {
            for (var i = 0; i < columns.Length; i++)
            {
                var sample = columns[i];
                target[i] = writer.Of(values[sample.Cell] * sample.First + values[sample.Cell + 1] * sample.Second);
            }
        }
    }

    /// <summary>Between which cells a pixel's centre lies, along one axis.</summary>
    /// <param name="Cell">The lower one, counted from two before the first; 0 where the pixel lies outside.</param>
    /// <param name="First">Its weight.</param>
    /// <param name="Second">That of the next.</param>
    private readonly record struct Sample(int Cell, float First, float Second)
    {
        public static Sample Of(int pixel, float first, float last, int cells)
        {
            var position = (pixel + 0.5f - first) / (last - first) * 2 - 1;

            // An empty box has its mask's middle everywhere.
            position = float.IsInfinity(position) ? 0 : position;
            var cell = ((position + 1) * cells - 1) / 2;
            if (!(cell > -1 && cell < cells))
            {
                return default;
            }

            var lower = MathF.Floor(cell);
            return new((int)lower + 2, lower + 1 - cell, cell - lower);
        }
    }
}

using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>
/// Masks of boxes on the image, with MMDetection's numbers (<c>_do_paste_mask</c>, one mask at a time): a pixel's value is the mask's, bilinear at the pixel's centre with zeros around the mask. Only the
/// pixels of each box, and those beside it, are computed; on the CPU, to which tensors on other devices are copied.
/// </summary>
public static class MaskPaste
{
    /// <summary>Pastes masks and compares them with a threshold.</summary>
    /// <param name="masks">[n, mask height, mask width], floating point: probabilities, such as the sigmoid of logits.</param>
    /// <param name="boxes">[n, 4], floating point: x1, y1, x2, y2 in the image's pixels. Boxes of no number (NaN) give an empty mask.</param>
    /// <param name="height">The image's height.</param>
    /// <param name="width">The image's width.</param>
    /// <param name="threshold">From which value on a pixel belongs to the mask; above 0 to 1.</param>
    /// <returns>[n, height, width], Byte, on the CPU: 1 for the mask, 0 beside it.</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the threshold out of range.</exception>
    public static unsafe torch.Tensor Apply(torch.Tensor masks, torch.Tensor boxes, long height, long width, double threshold = 0.5)
    {
        var canvas = Canvas(masks, boxes, height, width);
        if (!(threshold > 0 && threshold <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "The threshold is above 0 and at most 1.");
        }

        var pixels = torch.empty([masks.shape[0], height, width], torch.ScalarType.Byte);
        Paste<byte, ThresholdPixels>(masks, boxes, canvas, pixels, new((float)threshold));
        return pixels;
    }

    /// <summary>Pastes masks without a threshold: [n, height, width], float32.</summary>
    public static unsafe torch.Tensor Values(torch.Tensor masks, torch.Tensor boxes, long height, long width)
    {
        var canvas = Canvas(masks, boxes, height, width);
        var pixels = torch.empty([masks.shape[0], height, width], torch.ScalarType.Float32);
        Paste<float, PixelValues>(masks, boxes, canvas, pixels, default);
        return pixels;
    }

    private static MaskCanvas Canvas(torch.Tensor masks, torch.Tensor boxes, long height, long width)
    {
        Operands.Floating(masks, nameof(masks), "n, mask height, mask width", -1, -1, -1);
        Operands.Floating(boxes, nameof(boxes), FormattableString.Invariant($"{masks.shape[0]}, 4"), masks.shape[0], 4);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, int.MaxValue);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, int.MaxValue);
        return new((int)height, (int)width, (int)masks.shape[1], (int)masks.shape[2]);
    }

    private static unsafe void Paste<TPixel, TWriter>(torch.Tensor masks, torch.Tensor boxes, MaskCanvas canvas, torch.Tensor pixels, TWriter writer)
        where TPixel : unmanaged
        where TWriter : struct, IPixelWriter<TPixel>
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var source = masks.detach().to(torch.ScalarType.Float32).cpu().contiguous();
        var corners = Operands.ReadSingle(boxes);
        var values = (nint)TensorMemory.First<float>(source);
        var target = (nint)TensorMemory.First<TPixel>(pixels);
        LargePages.Advise((void*)target, pixels.NumberOfElements * sizeof(TPixel));
        TorchThreads.For(
            (int)masks.shape[0],
            i => canvas.Paste((float*)values + (long)i * canvas.MaskHeight * canvas.MaskWidth, corners.AsSpan(i * 4, 4), (TPixel*)target + (long)i * canvas.Height * canvas.Width, writer));
        GC.KeepAlive(source);
        GC.KeepAlive(pixels);
    }
}

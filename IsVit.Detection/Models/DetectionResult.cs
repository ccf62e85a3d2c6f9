using IsVit.Detection.Imaging;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Models;

/// <summary>The objects that were detected in one image, best first.</summary>
public sealed class DetectionResult : IDisposable
{
    private readonly double _maskThreshold;

    internal DetectionResult(torch.Tensor boxes, torch.Tensor scores, torch.Tensor labels, torch.Tensor masks, ImageGeometry geometry, double maskThreshold)
    {
        (Boxes, Scores, Labels, MaskProbabilities, Geometry, _maskThreshold) = (boxes, scores, labels, masks, geometry, maskThreshold);
        foreach (var tensor in new[] { boxes, scores, labels, masks })
        {
            tensor.DetachFromDisposeScope();
        }
    }

    /// <summary>[objects, 4]: x1, y1, x2, y2 in pixels of the original image.</summary>
    public torch.Tensor Boxes { get; }

    /// <summary>[objects], 0 to 1.</summary>
    public torch.Tensor Scores { get; }

    /// <summary>[objects], Int64: indices of classes, from 0.</summary>
    public torch.Tensor Labels { get; }

    /// <summary>[objects, side, side]: the probability that a place of the box belongs to the object.</summary>
    public torch.Tensor MaskProbabilities { get; }

    /// <summary>The size of the image.</summary>
    public ImageGeometry Geometry { get; }

    /// <summary>The number of objects.</summary>
    public int Count => (int)Scores.shape[0];

    /// <summary>Computes the mask of each object on the original image.</summary>
    /// <param name="threshold">The probability from which on a pixel belongs to the object; null for the detector's.</param>
    /// <returns>[objects, height, width], Byte, on the CPU: 1 for the object, 0 beside it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The threshold is not above 0 and at most 1.</exception>
    public torch.Tensor Masks(double? threshold = null) => MaskPaste.Apply(MaskProbabilities, Boxes, Geometry.OriginalHeight, Geometry.OriginalWidth, threshold ?? _maskThreshold);

    /// <inheritdoc/>
    public void Dispose()
    {
        Boxes.Dispose();
        Scores.Dispose();
        Labels.Dispose();
        MaskProbabilities.Dispose();
    }
}

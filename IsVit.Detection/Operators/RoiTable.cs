using System.Globalization;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>Regions of interest on the CPU: found to be sound once, for all who pool them.</summary>
internal sealed class RoiTable
{
    /// <summary>The most cells of a feature map that a region may have on a side: samples lie in each of them, also outside the map.</summary>
    public const int LargestSide = 1 << 16;

    private readonly double[] _values;
    private readonly string _name;

    /// <summary>Copies regions from whichever device they are on.</summary>
    /// <param name="rois">[n, 5].</param>
    /// <param name="batch">The number of images.</param>
    /// <exception cref="ArgumentException">A region has an image outside the batch, or a coordinate that is not finite.</exception>
    public RoiTable(torch.Tensor rois, long batch)
    {
        _name = nameof(rois);
        _values = Operands.ReadDouble(rois);
        Count = _values.Length / 5;
        for (var i = 0; i < _values.Length; i++)
        {
            if (!double.IsFinite(_values[i]) || (i % 5 == 0 && !(_values[i] > -1 && _values[i] < batch)))
            {
                throw new ArgumentException(
                    FormattableString.Invariant($"Region {i / 5} of 'rois' is ({string.Join(", ", Numbers(i / 5))}); expected an image of 0 to {batch - 1} and finite x1, y1, x2, y2."), nameof(rois));
            }
        }
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>The image's index in the batch.</summary>
    public int Image(int roi) => (int)_values[roi * 5];

    /// <summary>A region's first and last coordinate along an axis, in pixels.</summary>
    /// <param name="roi">The region.</param>
    /// <param name="axis">0 for x, 1 for y.</param>
    public (double First, double Last) Span(int roi, int axis) => (_values[roi * 5 + 1 + axis], _values[roi * 5 + 3 + axis]);

    /// <summary>Refuses a region that cannot be pooled.</summary>
    /// <param name="roi">The region.</param>
    /// <param name="scale">Cells per pixel.</param>
    /// <param name="aligned">Whether a negative side is an error; otherwise it counts as a cell.</param>
    /// <exception cref="ArgumentException">A side is negative or too long.</exception>
    public void Check(int roi, double scale, bool aligned)
    {
        for (var axis = 0; axis < 2; axis++)
        {
            var (first, last) = Span(roi, axis);
            if ((aligned && last < first) || (last - first) * scale > LargestSide)
            {
                throw new ArgumentException(
                    FormattableString.Invariant($"Region {roi} of 'rois' is ({string.Join(", ", Numbers(roi))}); expected {(aligned ? "x1 <= x2, y1 <= y2 and " : "")}at most {LargestSide} cells of the feature map on a side."), _name);
            }
        }
    }

    // In words that are the same everywhere.
    private IEnumerable<string> Numbers(int roi) => _values.Skip(roi * 5).Take(5).Select(static value => value.ToString(CultureInfo.InvariantCulture));
}

using IsVit.Detection.Masks;

namespace IsVit.Detection.Coco;

/// <summary>Where the pixels of an object are: polygons, or a mask.</summary>
public sealed class CocoSegmentation
{
    /// <summary>Creates a segmentation of polygons, whose insides together are the object.</summary>
    /// <param name="polygons">At least one, each x and y of its corners by turns, in pixels.</param>
    /// <exception cref="ArgumentException">There is no polygon, or a coordinate is not finite.</exception>
    /// <remarks>What pycocotools makes of broken polygons is made of them here: of one with an odd number of numbers the last is left out, and one of less than three corners holds nothing.</remarks>
    public CocoSegmentation(IReadOnlyList<double[]> polygons)
    {
        ArgumentNullException.ThrowIfNull(polygons);
        if (polygons.Count == 0)
        {
            throw new ArgumentException("The segmentation has no polygon; expected at least one.", nameof(polygons));
        }

        foreach (var polygon in polygons)
        {
            foreach (var coordinate in polygon)
            {
                if (!double.IsFinite(coordinate))
                {
                    throw new ArgumentException(FormattableString.Invariant($"A polygon has the coordinate {coordinate}; expected finite ones."), nameof(polygons));
                }
            }
        }

        Polygons = polygons;
    }

    /// <summary>Creates a segmentation that is a mask.</summary>
    /// <param name="mask">The mask, of the picture's size.</param>
    public CocoSegmentation(RunLengthMask mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        Mask = mask;
    }

    /// <summary>The polygons, each x and y of its corners by turns; null if this is a mask.</summary>
    public IReadOnlyList<double[]>? Polygons { get; }

    /// <summary>The mask; null if this is polygons.</summary>
    public RunLengthMask? Mask { get; }

    // pycocotools looks at the first polygon only to decide what the list is, and fails at this.
    internal bool IsRefusedByPycocotools => Polygons is not null && Polygons[0].Length < 5;

    /// <summary>The mask; polygons are drawn on a picture.</summary>
    /// <param name="height">Rows of the picture, at least 1. A mask keeps its own size.</param>
    /// <param name="width">Columns of the picture, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are polygons, and a side of the picture is below 1.</exception>
    /// <exception cref="ArgumentException">A coordinate is beyond 200,000,000.</exception>
    public RunLengthMask ToMask(int height, int width)
    {
        if (Mask is not null)
        {
            return Mask;
        }

        var mask = RunLengthMask.FromCorners(Polygons![0], height, width);
        for (var i = 1; i < Polygons.Count; i++)
        {
            mask = mask.Union(RunLengthMask.FromCorners(Polygons[i], height, width));
        }

        return mask;
    }
}

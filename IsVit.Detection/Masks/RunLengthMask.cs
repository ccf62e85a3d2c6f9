using System.Runtime.InteropServices;

namespace IsVit.Detection.Masks;

/// <summary>
/// A binary mask of height x width pixels as the lengths of its runs, as COCO has it: column by column from the left, each from top to bottom, zeros and
/// ones by turns, the first run being one of zeros. It cannot be changed. What it gives equals what cocoapi's maskApi.c computes.
/// </summary>
/// <remarks>Runs of no pixels, other than the first, are joined with their neighbours, so that equal masks have equal runs.</remarks>
public sealed class RunLengthMask : IEquatable<RunLengthMask>
{
    // Where runs of ones begin and end, by turns, strictly ascending: each number is the count of pixels before the change.
    private readonly int[] _edges;

    // The first and the last row and column that hold a one; the last ones are below the first where there is none.
    private readonly int _top;
    private readonly int _bottom = -1;
    private readonly int _left;
    private readonly int _right = -1;

    private RunLengthMask(int height, int width, int[] edges)
    {
        Height = height;
        Width = width;
        _edges = edges;
        if (edges.Length == 0)
        {
            return;
        }

        _left = edges[0] / height;
        _right = (edges[^1] - 1) / height;
        (_top, _bottom) = (height - 1, 0);
        for (var i = 0; i < edges.Length; i += 2)
        {
            var (first, last) = (edges[i], edges[i + 1] - 1);
            Area += last - first + 1;
            var column = first / height;
            var (top, bottom) = (first - (column * height), last - (column * height));
            (_top, _bottom) = bottom < height ? (Math.Min(_top, top), Math.Max(_bottom, bottom)) : (0, height - 1);
        }
    }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>The number of ones.</summary>
    public int Area { get; }

    /// <summary>The smallest box of whole pixels that holds every one, as rleToBbox has it (a run that goes on in the next column counts as the whole height); all 0 where there is none.</summary>
    public CocoBox BoundingBox => Area == 0 ? default : new(_left, _top, _right - _left + 1, _bottom - _top + 1);

    /// <summary>Creates a mask from pixels.</summary>
    /// <param name="pixels">One number a pixel, rows from top to bottom: height x width. Any but 0 is a one.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1; height x width fits into an int.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together are too large.</exception>
    /// <exception cref="ArgumentException">There are more or fewer pixels.</exception>
    public static RunLengthMask FromPixels(ReadOnlySpan<byte> pixels, int height, int width)
    {
        RequireSize(height, width);
        if (pixels.Length != height * width)
        {
            throw new ArgumentException(FormattableString.Invariant($"A mask of {height} x {width} has {height * width} pixels; found {pixels.Length}."), nameof(pixels));
        }

        return new(height, width, PixelRuns.EdgesOf(pixels, height, width));
    }

    /// <summary>Creates a mask from pixels.</summary>
    /// <param name="pixels">One value a pixel, rows from top to bottom: height x width. True is a one.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1; height x width fits into an int.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together are too large.</exception>
    /// <exception cref="ArgumentException">There are more or fewer pixels.</exception>
    public static RunLengthMask FromPixels(ReadOnlySpan<bool> pixels, int height, int width) => FromPixels(MemoryMarshal.AsBytes(pixels), height, width);

    /// <summary>Creates a mask from the lengths of its runs.</summary>
    /// <param name="counts">The runs, each at least 0; the first is one of zeros. Together height x width.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1; height x width fits into an int.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together are too large.</exception>
    /// <exception cref="ArgumentException">A run is negative, or the runs do not add up to height x width.</exception>
    public static RunLengthMask FromCounts(ReadOnlySpan<int> counts, int height, int width)
    {
        RequireSize(height, width);
        var edges = new EdgeList(counts.Length);
        long position = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            if (counts[i] < 0)
            {
                throw new ArgumentException(FormattableString.Invariant($"Run {i} of the mask is {counts[i]}; expected a number of pixels from 0."), nameof(counts));
            }

            position += counts[i];
            if (position > height * width)
            {
                break;
            }

            edges.Toggle((int)position);
        }

        if (position != height * width)
        {
            // Of runs that are too many, only those up to the end were added.
            var sum = position > height * width ? "more" : FormattableString.Invariant($"{position}");
            throw new ArgumentException(FormattableString.Invariant($"The {counts.Length} runs of the mask have {sum} pixels together; expected {height} x {width} = {height * width}."), nameof(counts));
        }

        return new(height, width, edges.Close(height * width));
    }

    /// <summary>Creates a mask from COCO's compressed string (rleFrString): five bits a character, low ones first, a run from the fourth on being the difference to the one before the last.</summary>
    /// <param name="text">The string, characters '0' to 'o'.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1; height x width fits into an int.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together are too large.</exception>
    /// <exception cref="ArgumentException">The string holds another character, ends within a number, or its runs are negative or do not add up to height x width.</exception>
    public static RunLengthMask FromCompressed(ReadOnlySpan<char> text, int height, int width) => FromCounts(CompressedRuns.Read(text), height, width);

    /// <summary>Creates the mask of a polygon's inside, on the grid of rleFrPoly: corners rounded to fifths of a pixel, and edges walked on that grid.</summary>
    /// <param name="coordinates">x and y of each corner by turns, in pixels, at least three corners; the last is joined with the first. Corners may lie outside.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1; height x width fits into an int.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together are too large.</exception>
    /// <exception cref="ArgumentException">There are fewer than six numbers, an odd number of them, or one is not finite or beyond 200,000,000.</exception>
    public static RunLengthMask FromPolygon(ReadOnlySpan<double> coordinates, int height, int width)
    {
        if (coordinates.Length < 6 || coordinates.Length % 2 != 0)
        {
            throw new ArgumentException(FormattableString.Invariant($"The polygon has {coordinates.Length} numbers; expected an even number of at least 6 (x and y of three corners)."), nameof(coordinates));
        }

        return FromCorners(coordinates, height, width);
    }

    /// <summary>Creates the mask of what any of some polygons holds (COCO's segmentation of one object).</summary>
    /// <param name="polygons">The polygons, at least one, each as <see cref="FromPolygon"/> takes it.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1; height x width fits into an int.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together are too large.</exception>
    /// <exception cref="ArgumentException">There is no polygon, or one has fewer than six numbers, an odd number of them, or one that is not finite or beyond 200,000,000.</exception>
    public static RunLengthMask FromPolygons(IReadOnlyList<double[]> polygons, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(polygons);
        if (polygons.Count == 0)
        {
            throw new ArgumentException("There is no polygon; expected at least one.", nameof(polygons));
        }

        var mask = FromPolygon(polygons[0], height, width);
        for (var i = 1; i < polygons.Count; i++)
        {
            mask = mask.Union(FromPolygon(polygons[i], height, width));
        }

        return mask;
    }

    /// <summary>Creates the mask of a box, as the polygon of its four corners (rleFrBbox).</summary>
    /// <param name="box">The box.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1; height x width fits into an int.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together are too large.</exception>
    /// <exception cref="ArgumentException">A coordinate of the box is not finite or beyond 200,000,000.</exception>
    public static RunLengthMask FromBox(CocoBox box, int height, int width)
    {
        var (right, bottom) = (box.X + box.Width, box.Y + box.Height);
        return FromCorners([box.X, box.Y, box.X, bottom, right, bottom, right, box.Y], height, width);
    }

    /// <summary>The lengths of the runs, column by column, zeros first; together height x width.</summary>
    public int[] ToCounts()
    {
        var end = _edges.Length == 0 ? 0 : _edges[^1];
        var counts = new int[_edges.Length + (end < Height * Width ? 1 : 0)];
        var position = 0;
        for (var i = 0; i < _edges.Length; i++)
        {
            counts[i] = _edges[i] - position;
            position = _edges[i];
        }

        if (counts.Length > _edges.Length)
        {
            counts[^1] = (Height * Width) - position;
        }

        return counts;
    }

    /// <summary>COCO's compressed string (rleToString).</summary>
    public string ToCompressed() => CompressedRuns.Write(ToCounts());

    /// <summary>The pixels, 0 or 1, rows from top to bottom: height x width.</summary>
    public byte[] ToPixels()
    {
        var pixels = new byte[Height * Width];
        for (var i = 0; i < _edges.Length; i += 2)
        {
            var (column, row) = Math.DivRem(_edges[i], Height);
            for (var position = _edges[i]; position < _edges[i + 1]; position++)
            {
                pixels[(row * Width) + column] = 1;
                if (++row == Height)
                {
                    (row, column) = (0, column + 1);
                }
            }
        }

        return pixels;
    }

    /// <summary>The pixels that are one in either mask.</summary>
    /// <param name="other">A mask of the same size.</param>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public RunLengthMask Union(RunLengthMask other) => Merged(other, intersect: false);

    /// <summary>The pixels that are one in both masks.</summary>
    /// <param name="other">A mask of the same size.</param>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public RunLengthMask Intersection(RunLengthMask other) => Merged(other, intersect: true);

    /// <summary>The intersection over union of this mask, a detection, and one of the ground truth, as rleIou has it.</summary>
    /// <param name="truth">The other mask, of the same size.</param>
    /// <param name="crowd">Whether <paramref name="truth"/> is a crowd: then the divisor is the area of this mask instead of that of the union.</param>
    /// <returns>0 (also for two empty masks) to 1.</returns>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public double IntersectionOverUnion(RunLengthMask truth, bool crowd = false)
    {
        RequireSameSize(truth, nameof(truth));
        var intersection = IntersectionArea(truth);
        return intersection == 0 ? 0 : intersection / (crowd ? Area : (double)Area + truth.Area - intersection);
    }

    /// <inheritdoc/>
    public bool Equals(RunLengthMask? other) => other is not null && Height == other.Height && Width == other.Width && _edges.AsSpan().SequenceEqual(other._edges);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RunLengthMask);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Height);
        hash.Add(Width);
        hash.AddBytes(MemoryMarshal.AsBytes(_edges.AsSpan()));
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Height} x {Width} pixels, {Area} of them ones");

    /// <summary>Creates the mask of a polygon with any number of corners: one of less than three is empty, and half a corner at the end is left out, as rleFrPoly does.</summary>
    internal static RunLengthMask FromCorners(ReadOnlySpan<double> coordinates, int height, int width)
    {
        RequireSize(height, width);
        return new(height, width, PolygonRuns.EdgesOf(coordinates, height, width));
    }

    internal bool HasSizeOf(RunLengthMask other) => Height == other.Height && Width == other.Width;

    private static void RequireSize(int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, Array.MaxLength / height);
    }

    private void RequireSameSize(RunLengthMask other, string name)
    {
        ArgumentNullException.ThrowIfNull(other, name);
        if (!HasSizeOf(other))
        {
            throw new ArgumentException(FormattableString.Invariant($"The other mask has {other.Height} x {other.Width} pixels; expected {Height} x {Width}, as this one."), name);
        }
    }

    private RunLengthMask Merged(RunLengthMask other, bool intersect)
    {
        RequireSameSize(other, nameof(other));
        var (a, b) = (_edges, other._edges);
        var merged = new List<int>(a.Length + b.Length);
        for (int i = 0, j = 0; i < a.Length || j < b.Length;)
        {
            var position = Math.Min(i < a.Length ? a[i] : int.MaxValue, j < b.Length ? b[j] : int.MaxValue);
            i += i < a.Length && a[i] == position ? 1 : 0;
            j += j < b.Length && b[j] == position ? 1 : 0;

            // After an odd number of edges comes a one.
            var one = intersect ? (i & j & 1) == 1 : ((i | j) & 1) == 1;
            if (one != (merged.Count % 2 == 1))
            {
                merged.Add(position);
            }
        }

        return new(Height, Width, [.. merged]);
    }

    private int IntersectionArea(RunLengthMask other)
    {
        // Most pairs of a picture end here.
        if (_left > other._right || other._left > _right || _top > other._bottom || other._top > _bottom)
        {
            return 0;
        }

        var (a, b) = (_edges, other._edges);
        var (i, j) = (FirstEndingAfter(a, b[0]), FirstEndingAfter(b, a[0]));
        var area = 0;
        while (i < a.Length && j < b.Length)
        {
            var (endA, endB) = (a[i + 1], b[j + 1]);
            area += Math.Max(0, Math.Min(endA, endB) - Math.Max(a[i], b[j]));
            i += endA <= endB ? 2 : 0;
            j += endB <= endA ? 2 : 0;
        }

        return area;
    }

    // The index of the first run of ones, of those in an array of edges, that ends after a position.
    private static int FirstEndingAfter(int[] edges, int position)
    {
        var found = Array.BinarySearch(edges, position);
        var after = found >= 0 ? found + 1 : ~found;
        return after & ~1;
    }
}

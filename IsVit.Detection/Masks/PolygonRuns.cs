namespace IsVit.Detection.Masks;

/// <summary>
/// Finds the runs of a polygon's inside as rleFrPoly does: corners are rounded to a grid of a fifth of a pixel, each edge is walked on it, step by step along
/// its longer side, and the run changes where the walk crosses the middle of a column of pixels.
/// </summary>
/// <remarks>
/// The middle of column c lies between the steps 5c + 2 and 5c + 3, and of the rows of both steps the upper counts. Only those steps are computed here, so that
/// the cost goes with the columns crossed rather than with the length of the edges.
/// </remarks>
internal static class PolygonRuns
{
    // Differences of five times as much still fit into an int.
    private const double MaxCoordinate = 200_000_000;
    private const int Scale = 5;

    public static int[] EdgesOf(ReadOnlySpan<double> coordinates, int height, int width)
    {
        for (var i = 0; i < coordinates.Length; i++)
        {
            if (!(Math.Abs(coordinates[i]) <= MaxCoordinate))
            {
                throw new ArgumentException(FormattableString.Invariant($"Coordinate {i} of the polygon is {coordinates[i]}; expected a number of at most {MaxCoordinate:0} beside 0."), nameof(coordinates));
            }
        }

        var corners = coordinates.Length / 2;
        var changes = new List<int>();
        for (var i = 0; i < corners; i++)
        {
            var next = i + 1 == corners ? 0 : i + 1;
            AddEdge(changes, new(height, width), OnGrid(coordinates[2 * i]), OnGrid(coordinates[(2 * i) + 1]), OnGrid(coordinates[2 * next]), OnGrid(coordinates[(2 * next) + 1]));
        }

        changes.Sort();
        var edges = new EdgeList(changes.Count);
        foreach (var change in changes)
        {
            // A change behind the last pixel is none.
            if (change < height * width)
            {
                edges.Toggle(change);
            }
        }

        return edges.Close(height * width);
    }

    // Towards zero, as C casts; numbers below zero, for which that is not rounding, meet no column.
    private static int OnGrid(double coordinate) => (int)((Scale * coordinate) + .5);

    private static void AddEdge(List<int> changes, Size size, int x0, int y0, int x1, int y1)
    {
        var (dx, dy) = (Math.Abs(x1 - x0), Math.Abs(y1 - y0));
        if (dx >= dy ? x0 > x1 : y0 > y1)
        {
            (x0, y0, x1, y1) = (x1, y1, x0, y0);
        }

        var (left, right) = (Math.Min(x0, x1), Math.Max(x0, x1));
        var first = left <= 2 ? 0 : (left + 2) / Scale;
        var last = right < 3 ? -1 : Math.Min((right - 3) / Scale, size.Width - 1);
        if (first > last)
        {
            return;
        }

        if (dx >= dy)
        {
            var slope = (double)(y1 - y0) / dx;
            for (var column = first; column <= last; column++)
            {
                var step = (Scale * column) + 2 - x0;
                changes.Add(size.Position(column, Math.Min((int)(y0 + (slope * step) + .5), (int)(y0 + (slope * (step + 1)) + .5))));
            }
        }
        else
        {
            var slope = (double)(x1 - x0) / dy;
            for (var column = first; column <= last; column++)
            {
                changes.Add(size.Position(column, y0 + StepAcross((Scale * column) + 3, x0, slope, dy) - 1));
            }
        }
    }

    // The first step of an edge that is higher than wide on the far side of a place between two x; the step before it is on the near side.
    private static int StepAcross(int right, int x0, double slope, int steps)
    {
        // Close by arithmetic, exact by looking.
        var step = (int)Math.Clamp((right - .5 - x0) / slope, 1, steps);
        while (step > 1 && IsAcross(step - 1))
        {
            step--;
        }

        while (step < steps && !IsAcross(step))
        {
            step++;
        }

        return step;

        bool IsAcross(int at) => (int)(x0 + (slope * at) + .5) >= right == slope > 0;
    }

    private readonly record struct Size(int Height, int Width)
    {
        // Of a row between two pixels, the one below.
        public int Position(int column, int y) => (column * Height) + (y <= 2 ? 0 : Math.Min((y + 2) / Scale, Height));
    }
}

namespace IsVit.Tests.Detection.Masks;

/// <summary>Draws a polygon point by point, in the order in which cocoapi's rleFrPoly goes along its edges.</summary>
internal static class PolygonWalk
{
    public static int[] Counts(double[] corners, int height, int width)
    {
        List<(int X, int Y)> points = [];
        var count = corners.Length / 2;
        for (var i = 0; i < count; i++)
        {
            var next = (i + 1) % count;
            AddEdge(points, Fine(corners[2 * i]), Fine(corners[(2 * i) + 1]), Fine(corners[2 * next]), Fine(corners[(2 * next) + 1]));
        }

        List<int> changes = [];
        for (var i = 1; i < points.Count; i++)
        {
            if (points[i].X != points[i - 1].X)
            {
                var column = ((Math.Min(points[i].X, points[i].X < points[i - 1].X ? points[i].X : points[i].X - 1) + .5) / 5) - .5;
                if (Math.Floor(column) == column && column >= 0 && column <= width - 1)
                {
                    var row = Math.Ceiling(Math.Clamp(((Math.Min(points[i].Y, points[i - 1].Y) + .5) / 5) - .5, 0, height));
                    changes.Add(((int)column * height) + (int)row);
                }
            }
        }

        var pixels = new bool[(height * width) + 1];
        foreach (var change in changes)
        {
            for (var i = change; i < pixels.Length; i++)
            {
                pixels[i] = !pixels[i];
            }
        }

        return Runs(pixels[..^1]);
    }

    private static int Fine(double coordinate) => (int)((5 * coordinate) + .5);

    private static void AddEdge(List<(int X, int Y)> points, int x0, int y0, int x1, int y1)
    {
        var (dx, dy) = (Math.Abs(x1 - x0), Math.Abs(y1 - y0));
        var steps = Math.Max(dx, dy);
        var swap = dx >= dy ? x0 > x1 : y0 > y1;
        var (fromX, fromY, toX, toY) = swap ? (x1, y1, x0, y0) : (x0, y0, x1, y1);
        for (var i = 0; i <= steps; i++)
        {
            var t = swap ? steps - i : i;
            points.Add(
                steps == 0 ? (fromX, fromY)
                : dx >= dy ? (fromX + t, (int)(fromY + ((double)(toY - fromY) / dx * t) + .5))
                : ((int)(fromX + ((double)(toX - fromX) / dy * t) + .5), fromY + t));
        }
    }

    private static int[] Runs(bool[] rowsOfColumns)
    {
        List<int> runs = [0];
        foreach (var pixel in rowsOfColumns)
        {
            if (pixel != (runs.Count % 2 == 0))
            {
                runs.Add(0);
            }

            runs[^1]++;
        }

        return [.. runs];
    }
}

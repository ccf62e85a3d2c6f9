namespace IsVit.Detection.Scenes;

/// <summary>Connected regions of small maps of zeros and ones whose two outermost rows and columns on each side are zero.</summary>
internal static class Pieces
{
    /// <summary>Sets zeros that are not connected (over edges) with the map's border to one.</summary>
    /// <param name="map">Rows of <paramref name="width"/> bytes.</param>
    /// <param name="width">Columns, at least 4.</param>
    /// <param name="queue">Room for as many numbers as the map has bytes.</param>
    public static void FillHoles(Span<byte> map, int width, Span<int> queue)
    {
        const byte Outside = 2;
        var height = map.Length / width;

        // The outermost ring is marked and never left, so that neighbours of what is in the queue lie in the map.
        map[..width].Fill(Outside);
        map[^width..].Fill(Outside);
        for (var y = 1; y < height - 1; y++)
        {
            map[y * width] = map[(y * width) + width - 1] = Outside;
        }

        ReadOnlySpan<int> neighbours = [-width, -1, 1, width];
        var count = 1;
        queue[0] = width + 1;
        map[width + 1] = Outside;
        for (var next = 0; next < count; next++)
        {
            foreach (var step in neighbours)
            {
                var at = queue[next] + step;
                if (map[at] == 0)
                {
                    map[at] = Outside;
                    queue[count++] = at;
                }
            }
        }

        for (var i = 0; i < map.Length; i++)
        {
            map[i] = (byte)(map[i] == Outside ? 0 : 1);
        }
    }

    /// <summary>Sets regions of ones (connected over edges and corners) of fewer than <paramref name="fewest"/> bytes to zero.</summary>
    /// <param name="map">Rows of <paramref name="width"/> bytes.</param>
    /// <param name="width">Columns, at least 4.</param>
    /// <param name="fewest">The size of the smallest region to keep.</param>
    /// <param name="queue">Room for as many numbers as the map has bytes.</param>
    /// <returns>How many ones are left.</returns>
    public static int RemoveSmall(Span<byte> map, int width, int fewest, Span<int> queue)
    {
        const byte Seen = 2;
        ReadOnlySpan<int> neighbours = [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1];
        var left = 0;
        for (var start = 0; start < map.Length; start++)
        {
            if (map[start] != 1)
            {
                continue;
            }

            var count = 1;
            queue[0] = start;
            map[start] = Seen;
            for (var next = 0; next < count; next++)
            {
                foreach (var step in neighbours)
                {
                    var at = queue[next] + step;
                    if (map[at] == 1)
                    {
                        map[at] = Seen;
                        queue[count++] = at;
                    }
                }
            }

            if (count >= fewest)
            {
                left += count;
                continue;
            }

            foreach (var at in queue[..count])
            {
                map[at] = 0;
            }
        }

        map.Replace(Seen, (byte)1);
        return left;
    }
}

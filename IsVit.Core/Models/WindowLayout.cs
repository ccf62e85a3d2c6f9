namespace IsVit.Core.Models;

/// <summary>The windows of a Swin transformer's attention, for maps of any size; blocks of equal windows share one, and with it the masks.</summary>
/// <param name="window">Tokens along a side of a window.</param>
/// <param name="shift">The tokens by which a map is shifted up and to the left; 0 for none.</param>
/// <param name="fillsFirst">Whether a map is filled up to whole windows before it is shifted, as detectors do, or after that, as timm's classifiers do.</param>
internal sealed class WindowLayout(int window, int shift, bool fillsFirst = false) : IDisposable
{
    // Images of a set have few sizes after resizing, and a mask may have many megabytes.
    private const int Kept = 4;

    private readonly object _gate = new();
    private readonly LinkedList<WindowGrid> _recent = new();

    /// <summary>Tokens along a side of a window.</summary>
    public int Window { get; } = window;

    /// <summary>The tokens by which a map is shifted; 0 for none.</summary>
    public int Shift { get; } = shift;

    /// <summary>The windows of a map.</summary>
    /// <param name="rows">Rows of tokens.</param>
    /// <param name="columns">Tokens in a row.</param>
    public WindowGrid Of(long rows, long columns)
    {
        lock (_gate)
        {
            var grid = _recent.FirstOrDefault(grid => grid.Rows == rows && grid.Columns == columns);
            if (grid is null)
            {
                grid = new WindowGrid((int)rows, (int)columns, Window, Shift, fillsFirst);
                if (_recent.Count == Kept)
                {
                    // Not disposed: another thread may be adding its mask.
                    _recent.RemoveLast();
                }
            }
            else
            {
                _recent.Remove(grid);
            }

            _recent.AddFirst(grid);
            return grid;
        }
    }

    /// <summary>Lets go of the masks, which are made anew if they are asked for.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var grid in _recent)
            {
                grid.Dispose();
            }

            _recent.Clear();
        }
    }
}

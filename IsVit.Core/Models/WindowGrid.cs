using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>
/// How a map of tokens of one size is cut into windows: shifted cyclically, filled up with zeros at the bottom and on the right to whole windows, and back
/// (Liu et al., arXiv 2103.14030, section 3.2).
/// </summary>
internal sealed class WindowGrid : IDisposable
{
    // What keeps apart the tokens of a shifted window that are no neighbours in the image.
    private const float Apart = -100;

    private readonly bool _fillsFirst;
    private readonly ConstantTensor? _mask;

    /// <summary>Lays the windows out.</summary>
    /// <param name="rows">Rows of tokens.</param>
    /// <param name="columns">Tokens in a row.</param>
    /// <param name="window">Tokens along a side of a window.</param>
    /// <param name="shift">The tokens by which the map is shifted up and to the left; 0 for none.</param>
    /// <param name="fillsFirst">Whether the map is filled up before it is shifted, as detectors do, so that what is filled in moves along.</param>
    public WindowGrid(int rows, int columns, int window, int shift, bool fillsFirst = false)
    {
        (Rows, Columns, Window, Shift, _fillsFirst) = (rows, columns, window, shift, fillsFirst);
        (PaddedRows, PaddedColumns) = ((rows + window - 1) / window * window, (columns + window - 1) / window * window);
        _mask = shift == 0 ? null : new ConstantTensor(() => torch.tensor(Mask()).unsqueeze(1));
    }

    public int Rows { get; }

    public int Columns { get; }

    public int Window { get; }

    public int Shift { get; }

    /// <summary>Rows after filling up.</summary>
    public int PaddedRows { get; }

    /// <summary>Columns after filling up.</summary>
    public int PaddedColumns { get; }

    private int Down => PaddedRows / Window;

    private int Across => PaddedColumns / Window;

    private int Count => Down * Across;

    /// <summary>Map to windows.</summary>
    /// <param name="x">[batch, rows, columns, width].</param>
    /// <returns>[batch x windows, window x window, width], the windows of one image one after the other, row by row.</returns>
    public torch.Tensor Cut(torch.Tensor x)
    {
        var (batch, width) = (x.shape[0], x.shape[3]);
        var whole = _fillsFirst ? Roll(Fill(x), -Shift) : Fill(Roll(x, -Shift));
        return whole.reshape(batch, Down, Window, Across, Window, width)
            .permute(0, 1, 3, 2, 4, 5) // [batch, row of windows, column of windows, row, column, width]
            .reshape(batch * Count, Window * Window, width);
    }

    /// <summary>Windows to map; the inverse of <see cref="Cut"/>.</summary>
    /// <param name="windows">[batch x windows, window x window, width].</param>
    /// <returns>[batch, rows, columns, width].</returns>
    public torch.Tensor Join(torch.Tensor windows)
    {
        var width = windows.shape[2];
        var whole = windows.reshape(-1, Down, Across, Window, Window, width)
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(-1, PaddedRows, PaddedColumns, width);
        return _fillsFirst ? Crop(Roll(whole, Shift)) : Roll(Crop(whole), Shift);
    }

    /// <summary>What is added to the attention of each window: 0 between neighbours of the unshifted map, -100 between others.</summary>
    /// <param name="type">The type.</param>
    /// <param name="device">The device.</param>
    /// <returns>[windows, 1, window x window, window x window], which the grid keeps; null where nothing is shifted.</returns>
    public torch.Tensor? Mask(torch.ScalarType type, torch.Device device) => _mask?.In(type, device);

    /// <summary>Where each pair of a window's tokens finds its entry in a table of relative positions, [window x window x window x window].</summary>
    /// <param name="window">Tokens along a side of a window.</param>
    public static long[] RelativePositions(int window)
    {
        var area = window * window;
        var positions = new long[area * area];
        for (var query = 0; query < area; query++)
        {
            for (var key = 0; key < area; key++)
            {
                var down = (query / window) - (key / window) + window - 1;
                var right = (query % window) - (key % window) + window - 1;
                positions[(query * area) + key] = (down * ((2 * window) - 1)) + right;
            }
        }

        return positions;
    }

    /// <summary>Lets go of the mask, which is made anew if it is asked for.</summary>
    public void Dispose() => _mask?.Dispose();

    private static torch.Tensor Roll(torch.Tensor x, int by) => by == 0 ? x : x.roll([by, by], [1, 2]);

    private torch.Tensor Fill(torch.Tensor x) => PaddedRows > Rows || PaddedColumns > Columns ? torch.nn.functional.pad(x, [0, 0, 0, PaddedColumns - Columns, 0, PaddedRows - Rows]) : x;

    private torch.Tensor Crop(torch.Tensor x) => PaddedRows > Rows || PaddedColumns > Columns ? x.narrow(1, 0, Rows).narrow(2, 0, Columns) : x;

    private float[,,] Mask()
    {
        // A shifted map has three stripes each way: what keeps its place, and the two parts of the last row of windows.
        int Stripe(int at, int size) => at < size - Window ? 0 : at < size - Shift ? 1 : 2;
        var area = Window * Window;
        var mask = new float[Count, area, area];
        for (var window = 0; window < Count; window++)
        {
            int Region(int token) => (3 * Stripe((window / Across * Window) + (token / Window), PaddedRows)) + Stripe((window % Across * Window) + (token % Window), PaddedColumns);
            for (var query = 0; query < area; query++)
            {
                for (var key = 0; key < area; key++)
                {
                    mask[window, query, key] = Region(query) == Region(key) ? 0 : Apart;
                }
            }
        }

        return mask;
    }
}

using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>
/// How a square of tokens is cut into windows: shifted cyclically, filled up with zeros at the bottom and on the right to whole windows, and back
/// (Liu et al., arXiv 2103.14030, section 3.2).
/// </summary>
internal sealed class WindowGrid
{
    // What keeps apart the tokens of a shifted window that are no neighbours in the image.
    private const float Apart = -100;

    /// <summary>Lays the windows out.</summary>
    /// <param name="side">Tokens along a side of the image.</param>
    /// <param name="window">Tokens along a side of a window.</param>
    /// <param name="shift">The tokens by which the image is shifted up and to the left; 0 for none.</param>
    public WindowGrid(int side, int window, int shift)
    {
        (Side, Window, Shift) = (side, window, shift);
        PaddedSide = (side + window - 1) / window * window;
    }

    public int Side { get; }

    public int Window { get; }

    public int Shift { get; }

    /// <summary>Tokens along a side after filling up.</summary>
    public int PaddedSide { get; }

    public int WindowCount => PaddedSide / Window * (PaddedSide / Window);

    /// <summary>Image to windows.</summary>
    /// <param name="x">[batch, side, side, width].</param>
    /// <returns>[batch x windows, window x window, width], the windows of one image one after the other, row by row.</returns>
    public torch.Tensor Cut(torch.Tensor x)
    {
        var (batch, width) = (x.shape[0], x.shape[3]);
        var shifted = Shift > 0 ? x.roll([-Shift, -Shift], [1, 2]) : x;
        var missing = PaddedSide - Side;
        var whole = missing > 0 ? torch.nn.functional.pad(shifted, [0, 0, 0, missing, 0, missing]) : shifted;
        var count = PaddedSide / Window;
        return whole.reshape(batch, count, Window, count, Window, width)
            .permute(0, 1, 3, 2, 4, 5) // [batch, row of windows, column of windows, row, column, width]
            .reshape(batch * WindowCount, Window * Window, width);
    }

    /// <summary>Windows to image; the inverse of <see cref="Cut"/>.</summary>
    /// <param name="windows">[batch x windows, window x window, width].</param>
    /// <returns>[batch, side, side, width].</returns>
    public torch.Tensor Join(torch.Tensor windows)
    {
        var width = windows.shape[2];
        var count = PaddedSide / Window;
        var whole = windows.reshape(-1, count, count, Window, Window, width)
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(-1, PaddedSide, PaddedSide, width);
        var cropped = PaddedSide > Side ? whole.narrow(1, 0, Side).narrow(2, 0, Side) : whole;
        return Shift > 0 ? cropped.roll([Shift, Shift], [1, 2]) : cropped;
    }

    /// <summary>Where each pair of a window's tokens finds its entry in a table of relative positions, [window x window x window x window].</summary>
    public long[] RelativePositions()
    {
        var area = Window * Window;
        var positions = new long[area * area];
        for (var query = 0; query < area; query++)
        {
            for (var key = 0; key < area; key++)
            {
                var down = (query / Window) - (key / Window) + Window - 1;
                var right = (query % Window) - (key % Window) + Window - 1;
                positions[(query * area) + key] = (down * ((2 * Window) - 1)) + right;
            }
        }

        return positions;
    }

    /// <summary>What is added to the attention of each window: 0 between neighbours of the unshifted image, -100 between others.</summary>
    /// <returns>[windows, window x window, window x window], or null where nothing is shifted.</returns>
    public float[,,]? Mask()
    {
        if (Shift == 0)
        {
            return null;
        }

        // A shifted image has three stripes each way: what keeps its place, and the two parts of the last row of windows.
        int Stripe(int at) => at < PaddedSide - Window ? 0 : at < PaddedSide - Shift ? 1 : 2;
        var (count, area) = (PaddedSide / Window, Window * Window);
        var mask = new float[WindowCount, area, area];
        for (var window = 0; window < WindowCount; window++)
        {
            int Region(int token) => (3 * Stripe((window / count * Window) + (token / Window))) + Stripe((window % count * Window) + (token % Window));
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

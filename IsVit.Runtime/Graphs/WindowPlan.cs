namespace IsVit.Runtime.Graphs;

/// <summary>
/// Windows of a map of tokens, rolled by the shift and filled up with zeros to whole windows (Liu et al., arXiv 2103.14030, section 3.2): where each token of a window comes from, and what is added to its scores.
/// </summary>
internal sealed class WindowPlan
{
    // What keeps apart the tokens of a shifted window that are no neighbours in the image.
    private const float Apart = -100;

    private readonly int _rows;
    private readonly int _columns;
    private readonly int _window;
    private readonly int _shift;
    private readonly int _across;
    private readonly int _down;

    /// <summary>Describes the windows.</summary>
    public WindowPlan(int rows, int columns, int window, int shift)
    {
        (_rows, _columns, _window, _shift) = (rows, columns, window, shift);
        (_down, _across) = ((rows + window - 1) / window, (columns + window - 1) / window);
    }

    /// <summary>The number of windows.</summary>
    public int Count => _down * _across;

    /// <summary>The number of tokens of a window.</summary>
    public int Area => _window * _window;

    /// <summary>The place in the map of a token of a window, or -1 if it is one that fills up.</summary>
    public int Source(int window, int token)
    {
        var row = (window / _across * _window) + (token / _window);
        var column = (window % _across * _window) + (token % _window);
        return row >= _rows || column >= _columns ? -1 : ((row + _shift) % _rows * _columns) + ((column + _shift) % _columns);
    }

    /// <summary>Which of up to four kinds a window is of: windows of a kind have the same mask.</summary>
    public int KindOf(int window) => _shift == 0 ? 0 : (window / _across == _down - 1 ? 2 : 0) + (window % _across == _across - 1 ? 1 : 0);

    /// <summary>What is added to the scores in windows of each kind, [heads, tokens, tokens]; null for a kind that no window has.</summary>
    /// <param name="table">[(2 x window - 1)^2, heads], the relative position biases.</param>
    /// <param name="heads">The number of heads.</param>
    public float[]?[] Biases(float[] table, int heads)
    {
        var biases = new float[]?[4];
        for (var window = 0; window < Count; window++)
        {
            biases[KindOf(window)] ??= Bias(table, heads, window);
        }

        return biases;
    }

    private float[] Bias(float[] table, int heads, int window)
    {
        var bias = new float[heads * Area * Area];
        for (var query = 0; query < Area; query++)
        {
            for (var key = 0; key < Area; key++)
            {
                var down = (query / _window) - (key / _window) + _window - 1;
                var right = (query % _window) - (key % _window) + _window - 1;
                var mask = _shift == 0 || Region(window, query) == Region(window, key) ? 0 : Apart;
                for (var head = 0; head < heads; head++)
                {
                    bias[(((head * Area) + query) * Area) + key] = mask + table[(((down * ((2 * _window) - 1)) + right) * heads) + head];
                }
            }
        }

        return bias;
    }

    // A shifted map has three stripes each way: what keeps its place, and the two parts of the last row of windows.
    private int Region(int window, int token) =>
        (3 * Stripe((window / _across * _window) + (token / _window), _down * _window)) + Stripe((window % _across * _window) + (token % _window), _across * _window);

    private int Stripe(int at, int size) => at < size - _window ? 0 : at < size - _shift ? 1 : 2;
}

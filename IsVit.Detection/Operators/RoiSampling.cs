namespace IsVit.Detection.Operators;

/// <summary>
/// Where one region of interest samples its map, and with which weights: found once, used for every channel. All samples of a bin that fall on a row of cells are one weight, and likewise for columns,
/// since a bilinear weight is a product of both. Positions are computed in float32 in MMCV's order of operations.
/// </summary>
internal sealed class RoiSampling
{
    private readonly int _bins;
    private float[]? _weightsByBin;

    private RoiSampling(int roi, int bins, int paddedBins, Axis rows, Axis columns, int lanes, int width)
    {
        Roi = roi;
        _bins = bins;
        PaddedBins = paddedBins;
        RowFirst = rows.First;
        RowEnd = rows.End;
        RowWeights = rows.Weights;
        (FirstColumn, ColumnCount) = columns.Extent;

        // Whole vectors where the map is wide enough: to the left if the right is too short.
        var whole = (ColumnCount + lanes - 1) / lanes * lanes;
        WindowLength = whole <= width ? whole : ColumnCount;
        WindowStart = Math.Min(FirstColumn, width - WindowLength);
        ColumnWeights = columns.Dense(paddedBins);
        if (lanes == ColumnTaps.Lanes && bins <= ColumnTaps.Lanes && WindowLength > 0 && WindowLength % lanes == 0 && WindowLength <= ColumnTaps.LongestWindow)
        {
            Taps = ColumnTaps.Find(columns.First, columns.End, columns.Weights, WindowStart);
        }
    }

    /// <summary>The region's number.</summary>
    public int Roi { get; }

    /// <summary>The number of columns of bins, rounded up to whole vectors.</summary>
    public int PaddedBins { get; }

    /// <summary>The first row of cells of each row of bins.</summary>
    public int[] RowFirst { get; }

    /// <summary>Where the weights of each row of bins end in <see cref="RowWeights"/>; they begin where those before end.</summary>
    public int[] RowEnd { get; }

    /// <summary>The weights of rows of cells, row of bins by row of bins.</summary>
    public float[] RowWeights { get; }

    /// <summary>The first column of cells that is read.</summary>
    public int WindowStart { get; }

    /// <summary>How many columns of cells are read: those with weights, filled up to whole vectors.</summary>
    public int WindowLength { get; }

    /// <summary>The first column with weights.</summary>
    public int FirstColumn { get; }

    /// <summary>How many columns have weights.</summary>
    public int ColumnCount { get; }

    /// <summary>[columns with weights, padded bins].</summary>
    public float[] ColumnWeights { get; }

    /// <summary>The same by bins, where few columns have weights in each; null otherwise.</summary>
    public ColumnTaps? Taps { get; }

    /// <summary>[bins, columns of the window]: made when a gradient flows.</summary>
    public float[] WeightsByBin => _weightsByBin ??= Transposed();

    /// <summary>A region's sampling.</summary>
    /// <param name="pooling">How it is pooled.</param>
    /// <param name="table">The regions.</param>
    /// <param name="roi">Which one.</param>
    /// <param name="scale">Cells of its map per pixel.</param>
    /// <param name="height">The map's height.</param>
    /// <param name="width">The map's width.</param>
    /// <param name="lanes">Numbers in a vector.</param>
    public static RoiSampling Create(RoiPooling pooling, RoiTable table, int roi, float scale, int height, int width, int lanes)
    {
        var paddedBins = (pooling.Width + lanes - 1) / lanes * lanes;
        return new(
            roi,
            pooling.Width,
            paddedBins,
            Axis.Create(pooling, table.Span(roi, 1), pooling.Height, scale, height),
            Axis.Create(pooling, table.Span(roi, 0), pooling.Width, scale, width),
            lanes,
            width);
    }

    private float[] Transposed()
    {
        var weights = new float[_bins * WindowLength];
        for (var bin = 0; bin < _bins; bin++)
        {
            for (var column = 0; column < ColumnCount; column++)
            {
                weights[bin * WindowLength + FirstColumn - WindowStart + column] = ColumnWeights[column * PaddedBins + bin];
            }
        }

        return weights;
    }

    /// <summary>The weights of cells along one axis.</summary>
    /// <param name="First">Each bin's first cell.</param>
    /// <param name="End">Where each bin's weights end.</param>
    /// <param name="Weights">The weights, bin by bin.</param>
    private sealed record Axis(int[] First, int[] End, float[] Weights)
    {
        [ThreadStatic]
        private static float[]? t_line;

        /// <summary>The first cell of all, and how many there are up to the last.</summary>
        public (int First, int Count) Extent
        {
            get
            {
                int first = int.MaxValue, end = 0;
                for (var bin = 0; bin < First.Length; bin++)
                {
                    var count = Count(bin);
                    if (count > 0)
                    {
                        first = Math.Min(first, First[bin]);
                        end = Math.Max(end, First[bin] + count);
                    }
                }

                return end == 0 ? (0, 0) : (first, end - first);
            }
        }

        public static Axis Create(RoiPooling pooling, (double First, double Last) span, int bins, float scale, int cells)
        {
            var offset = pooling.Aligned ? 0.5f : 0f;
            var start = (float)span.First * scale - offset;
            var side = (float)span.Last * scale - offset - start;
            side = pooling.Aligned ? side : Math.Max(side, 1f);
            var bin = side / bins;
            var samples = pooling.SamplingRatio > 0 ? pooling.SamplingRatio : (int)MathF.Ceiling(bin);

            var line = t_line is { } made && made.Length >= cells + 1 ? made : t_line = new float[cells + 1];
            var (first, end) = (new int[bins], new int[bins]);
            var weights = new List<float>(bins * (samples < cells ? samples + 2 : cells));
            for (var i = 0; i < bins; i++)
            {
                int low = int.MaxValue, high = -1;
                for (var sample = 0; sample < samples; sample++)
                {
                    var position = start + i * bin + (sample + 0.5f) * bin / samples;
                    if (position < -1 || position > cells)
                    {
                        continue;
                    }

                    position = Math.Max(position, 0f);
                    var cell = (int)position;
                    var next = cell + 1;
                    if (cell >= cells - 1)
                    {
                        cell = next = cells - 1;
                        position = cell;
                    }

                    var fraction = position - cell;
                    line[cell] += (1 - fraction) / samples;
                    line[next] += fraction / samples;
                    low = Math.Min(low, cell);
                    high = Math.Max(high, next);
                }

                first[i] = high < 0 ? 0 : low;
                for (var cell = low; cell <= high; cell++)
                {
                    weights.Add(line[cell]);
                    line[cell] = 0;
                }

                end[i] = weights.Count;
            }

            return new(first, end, [.. weights]);
        }

        /// <summary>[cells, padded bins]: the weights of all cells from the first on.</summary>
        public float[] Dense(int paddedBins)
        {
            var (start, count) = Extent;
            var dense = new float[count * paddedBins];
            for (var bin = 0; bin < First.Length; bin++)
            {
                var begin = bin == 0 ? 0 : End[bin - 1];
                for (var i = 0; i < Count(bin); i++)
                {
                    dense[(First[bin] - start + i) * paddedBins + bin] = Weights[begin + i];
                }
            }

            return dense;
        }

        private int Count(int bin) => End[bin] - (bin == 0 ? 0 : End[bin - 1]);
    }
}

using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>
/// The boxes that a region proposal network starts from: at each cell of each level one of every scale and ratio (Ren et al., arXiv 1506.01497, section 3.1.1), laid out as MMDetection's
/// <c>AnchorGenerator</c> lays them out. A level's base side is its stride.
/// </summary>
public sealed class AnchorGenerator
{
    private readonly int[] _strides;
    private readonly float[][] _base;

    /// <summary>Creates a generator.</summary>
    /// <param name="strides">Each level's pixels per cell.</param>
    /// <param name="ratios">Heights over widths.</param>
    /// <param name="scales">Sides of a square anchor, in strides; see <see cref="OctaveScales"/>.</param>
    /// <exception cref="ArgumentException">A list is empty, or a number in it is not positive and finite.</exception>
    public AnchorGenerator(IReadOnlyList<int> strides, IReadOnlyList<double> ratios, IReadOnlyList<double> scales)
    {
        ArgumentNullException.ThrowIfNull(strides);
        ArgumentNullException.ThrowIfNull(ratios);
        ArgumentNullException.ThrowIfNull(scales);
        CheckPositive([.. strides.Select(static stride => (double)stride)], nameof(strides));
        CheckPositive(ratios, nameof(ratios));
        CheckPositive(scales, nameof(scales));
        _strides = [.. strides];
        _base = Array.ConvertAll(_strides, stride => ratios.SelectMany(ratio => scales.SelectMany(scale => Around(stride, ratio, scale))).ToArray());
    }

    /// <summary>The number of levels.</summary>
    public int LevelCount => _strides.Length;

    /// <summary>The number of anchors at a cell: ratios times scales.</summary>
    public int AnchorsPerCell => _base[0].Length / 4;

    /// <summary>Each level's pixels per cell.</summary>
    public IReadOnlyList<int> Strides => _strides;

    /// <summary>Scales that divide an octave evenly: baseScale 2^(i / count) (Lin et al., arXiv 1708.02002, section 4).</summary>
    /// <param name="baseScale">The first scale, positive.</param>
    /// <param name="count">The number of scales, 1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static IReadOnlyList<double> OctaveScales(double baseScale, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(baseScale);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return [.. Enumerable.Range(0, count).Select(i => baseScale * Math.Pow(2, (double)i / count))];
    }

    /// <summary>The anchors at a level's first cell.</summary>
    /// <param name="level">0 or more.</param>
    /// <param name="device">Where they go; null for the CPU.</param>
    /// <returns>[anchors per cell, 4], float32: x1, y1, x2, y2 around 0, ratio by ratio, each with all scales.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such level.</exception>
    public torch.Tensor BaseAnchors(int level, torch.Device? device = null)
    {
        CheckLevel(level);
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(torch.tensor(_base[level]).view(-1, 4).to(device ?? torch.CPU));
    }

    /// <summary>The anchors at all cells of a level.</summary>
    /// <param name="level">0 or more.</param>
    /// <param name="height">Rows of cells.</param>
    /// <param name="width">Columns of cells.</param>
    /// <param name="device">Where they go; null for the CPU.</param>
    /// <returns>[height width anchors, 4], float32: row by row, column by column, then as <see cref="BaseAnchors"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such level, or a length is negative.</exception>
    public torch.Tensor Grid(int level, long height, long width, torch.Device? device = null)
    {
        CheckLevel(level);
        ArgumentOutOfRangeException.ThrowIfNegative(height);
        ArgumentOutOfRangeException.ThrowIfNegative(width);
        var anchors = _base[level];
        var values = new float[checked(height * width * anchors.Length)];
        var next = 0;
        for (var row = 0L; row < height; row++)
        {
            for (var column = 0L; column < width; column++)
            {
                float x = column * _strides[level], y = row * _strides[level];
                for (var i = 0; i < anchors.Length; i += 2)
                {
                    values[next++] = anchors[i] + x;
                    values[next++] = anchors[i + 1] + y;
                }
            }
        }

        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(torch.tensor(values).view(-1, 4).to(device ?? torch.CPU));
    }

    /// <summary>Which anchors of a level lie on cells that begin within an image's padded size.</summary>
    /// <param name="level">0 or more.</param>
    /// <param name="height">Rows of cells.</param>
    /// <param name="width">Columns of cells.</param>
    /// <param name="paddedHeight">The height in pixels.</param>
    /// <param name="paddedWidth">The width in pixels.</param>
    /// <param name="device">Where they go; null for the CPU.</param>
    /// <returns>[height width anchors], Bool, in the order of <see cref="Grid"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such level, or a length is negative.</exception>
    public torch.Tensor ValidFlags(int level, long height, long width, long paddedHeight, long paddedWidth, torch.Device? device = null)
    {
        CheckLevel(level);
        ArgumentOutOfRangeException.ThrowIfNegative(height);
        ArgumentOutOfRangeException.ThrowIfNegative(width);
        ArgumentOutOfRangeException.ThrowIfNegative(paddedHeight);
        ArgumentOutOfRangeException.ThrowIfNegative(paddedWidth);
        var stride = _strides[level];
        var perCell = AnchorsPerCell;
        var flags = new bool[checked(height * width * perCell)];
        for (var row = 0L; row < height && row * stride < paddedHeight; row++)
        {
            var columns = Math.Min(width, (paddedWidth + stride - 1) / stride);
            Array.Fill(flags, true, (int)(row * width * perCell), (int)(columns * perCell));
        }

        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(torch.tensor(flags).to(device ?? torch.CPU));
    }

    private static float[] Around(int stride, double ratio, double scale)
    {
        var root = Math.Sqrt(ratio);
        var (halfWidth, halfHeight) = ((float)(stride * scale / root / 2), (float)(stride * scale * root / 2));
        return [-halfWidth, -halfHeight, halfWidth, halfHeight];
    }

    private void CheckLevel(int level)
    {
        if (level < 0 || level >= _strides.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(level), level, FormattableString.Invariant($"Levels are 0 to {_strides.Length - 1}."));
        }
    }

    private static void CheckPositive(IReadOnlyList<double> numbers, string name)
    {
        if (numbers.Count == 0 || numbers.Any(static number => !(number > 0 && double.IsFinite(number))))
        {
            throw new ArgumentException(FormattableString.Invariant($"'{name}' is ({string.Join(", ", numbers)}); expected one or more positive finite numbers."), name);
        }
    }
}

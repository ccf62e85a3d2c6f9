using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>
/// RoIAlign in tensor operations, for any device. Bilinear weights are a product of one for the row and one for the column, so that a region's pooling is R F C: a matrix [rows of bins, height], the map,
/// and a matrix [width, columns of bins]. All regions of an image are pooled by two products, whose gradients need neither indices nor atomic additions.
/// </summary>
internal static class RoiAlignOperations
{
    // What is there at once: samples times cells of an axis, and half-pooled numbers.
    private const long WeightsAtOnce = 1 << 24;
    private const long PooledAtOnce = 1 << 26;

    /// <summary>Pools regions.</summary>
    /// <param name="pooling">How.</param>
    /// <param name="features">The maps, of the type that is computed in.</param>
    /// <param name="rois">[n, 5], of that type.</param>
    /// <param name="table">The same on the CPU.</param>
    /// <param name="levels">Each region's map.</param>
    /// <param name="scales">Each map's cells per pixel.</param>
    public static torch.Tensor Apply(RoiPooling pooling, IReadOnlyList<torch.Tensor> features, torch.Tensor rois, RoiTable table, int[] levels, double[] scales)
    {
        var type = rois.dtype;
        var parts = new List<torch.Tensor>();
        var order = new List<int>();
        foreach (var group in Enumerable.Range(0, table.Count).GroupBy(roi => (Level: levels[roi], Image: table.Image(roi))))
        {
            using var scope = torch.NewDisposeScope();
            var map = features[group.Key.Level].select(0, group.Key.Image);
            var (channels, height, width) = (map.shape[0], map.shape[1], map.shape[2]);
            var columnsFirst = map.permute(2, 0, 1).reshape(width, channels * height);
            var scale = scales[group.Key.Level];
            var members = group.ToArray();
            var counts = Array.ConvertAll(members, roi => (Rows: SamplesPerBin(pooling, table, roi, 1, scale, type), Columns: SamplesPerBin(pooling, table, roi, 0, scale, type)));
            for (int start = 0, length; start < members.Length; start += length)
            {
                length = Chunk(counts.AsSpan(start), pooling, channels, height, width);
                var chunk = members.AsSpan(start, length);
                var parameters = rois.index_select(0, torch.tensor(Array.ConvertAll(chunk.ToArray(), static roi => (long)roi)).to(rois.device));
                var most = counts.AsSpan(start, length).ToArray();
                var rows = Weights(pooling, parameters.select(1, 2), parameters.select(1, 4), pooling.Height, height, scale, most.Max(static count => count.Rows));
                var columns = Weights(pooling, parameters.select(1, 1), parameters.select(1, 3), pooling.Width, width, scale, most.Max(static count => count.Columns));
                var half = columns.view(length * pooling.Width, width).mm(columnsFirst).view(length, pooling.Width, channels, height)
                    .permute(0, 3, 2, 1).reshape(length, height, channels * pooling.Width);
                var pooled = rows.bmm(half).view(length, pooling.Height, channels, pooling.Width).permute(0, 2, 1, 3);
                parts.Add(pooled.MoveToOuterDisposeScope());
                order.AddRange(chunk);
            }
        }

        if (parts.Count == 0)
        {
            // Part of the graph, so that a loss without regions still has gradients: zeros.
            return features[0].narrow(0, 0, 0).select(2, 0).select(2, 0).reshape(0, features[0].shape[1], 1, 1).expand(0, features[0].shape[1], pooling.Height, pooling.Width);
        }

        var places = new long[order.Count];
        for (var i = 0; i < places.Length; i++)
        {
            places[order[i]] = i;
        }

        return torch.cat(parts, 0).index_select(0, torch.tensor(places).to(rois.device));
    }

    private static int SamplesPerBin(RoiPooling pooling, RoiTable table, int roi, int axis, double scale, torch.ScalarType type)
    {
        if (pooling.SamplingRatio > 0)
        {
            return pooling.SamplingRatio;
        }

        var (first, last) = table.Span(roi, axis);
        var bins = axis == 0 ? pooling.Width : pooling.Height;
        if (type == torch.ScalarType.Float64)
        {
            var offset = pooling.Aligned ? 0.5 : 0;
            var side = last * scale - offset - (first * scale - offset);
            return (int)Math.Ceiling((pooling.Aligned ? side : Math.Max(side, 1)) / bins);
        }
        else
        {
            var (s, offset) = ((float)scale, pooling.Aligned ? 0.5f : 0);
            var side = (float)last * s - offset - ((float)first * s - offset);
            return (int)MathF.Ceiling((pooling.Aligned ? side : Math.Max(side, 1f)) / bins);
        }
    }

    // As many regions as fit into what is there at once, one at least.
    private static int Chunk(ReadOnlySpan<(int Rows, int Columns)> counts, RoiPooling pooling, long channels, long height, long width)
    {
        long rows = 1, columns = 1;
        var length = 0;
        for (; length < counts.Length; length++)
        {
            rows = Math.Max(rows, counts[length].Rows);
            columns = Math.Max(columns, counts[length].Columns);
            var weights = Math.Max(rows * pooling.Height * height, columns * pooling.Width * width);
            if (length > 0 && (weights * (length + 1) > WeightsAtOnce || (length + 1) * pooling.Width * channels * height > PooledAtOnce))
            {
                break;
            }
        }

        return length;
    }

    /// <summary>The weight of each cell along an axis in each bin: [n, bins, cells].</summary>
    private static torch.Tensor Weights(RoiPooling pooling, torch.Tensor first, torch.Tensor last, int bins, long cells, double scale, int mostSamples)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var (type, device) = (first.dtype, first.device);
        var offset = pooling.Aligned ? -0.5 : 0;
        var start = first.Times(scale).PlusInPlace(offset);
        var side = last.Times(scale).PlusInPlace(offset).sub_(start);
        side = pooling.Aligned ? side : side.AtLeast(1);
        var bin = side.Over(bins).view(-1, 1, 1);
        var samples = pooling.SamplingRatio > 0 ? torch.ones_like(bin).TimesInPlace(pooling.SamplingRatio) : bin.ceil();
        var divisor = samples.AtLeast(1);

        var bin0 = Operands.Count(bins, type, device).view(1, -1, 1);
        var sample = Operands.Count(Math.Max(mostSamples, 1), type, device).view(1, 1, -1);
        var position = start.view(-1, 1, 1).Plus(bin0.mul(bin)).Plus(sample.Plus(0.5).mul(bin).div_(divisor));
        var counts = position.IsWithin(-1, cells).logical_and_(sample.lt(samples)).to(type).div_(divisor);
        var distance = position.ClampInPlace(cells - 1).unsqueeze(-1).sub(Operands.Count(cells, type, device)).abs_();
        var weights = distance.neg_().PlusInPlace(1).relu_().mul_(counts.unsqueeze(-1));
        return scope.MoveToOuter(weights.sum([2]));
    }
}

using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>How regions of interest are pooled.</summary>
/// <param name="Height">Rows of bins.</param>
/// <param name="Width">Columns of bins.</param>
/// <param name="SamplingRatio">Samples on a side of a bin; 0 for as many as cells, rounded up.</param>
/// <param name="Aligned">Whether pixel centres have integer coordinates.</param>
internal sealed record RoiPooling(int Height, int Width, int SamplingRatio, bool Aligned)
{
    private const int LargestOutput = 1 << 10;

    /// <summary>The pooling with its arguments checked.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size or the ratio is out of range.</exception>
    public static RoiPooling Create(long outputHeight, long outputWidth, int samplingRatio, bool aligned)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputHeight, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(outputHeight, LargestOutput);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputWidth, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(outputWidth, LargestOutput);
        ArgumentOutOfRangeException.ThrowIfNegative(samplingRatio);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(samplingRatio, LargestOutput);
        return new((int)outputHeight, (int)outputWidth, samplingRatio, aligned);
    }

    /// <summary>Pools regions, each from one of some maps.</summary>
    /// <param name="features">One or more maps [batch, channels, height, width].</param>
    /// <param name="rois">[n, 5].</param>
    /// <param name="scales">Each map's cells per pixel.</param>
    /// <param name="levelsOf">Says which map each region is pooled from.</param>
    public torch.Tensor Apply(IReadOnlyList<torch.Tensor> features, torch.Tensor rois, double[] scales, Func<torch.Tensor, RoiTable, int[]> levelsOf)
    {
        Check(features, rois);
        using var scope = torch.NewDisposeScope();
        var first = features[0];
        var type = first.dtype == torch.ScalarType.Float64 ? torch.ScalarType.Float64 : torch.ScalarType.Float32;
        var wide = features.Select(map => map.to(type)).ToArray();
        var regions = rois.detach().to(type);
        var table = new RoiTable(regions, first.shape[0]);
        var levels = levelsOf(regions, table);
        for (var roi = 0; roi < table.Count; roi++)
        {
            table.Check(roi, scales[levels[roi]], Aligned);
        }

        var pooled = KernelSwitch.FusedAllowed && type == torch.ScalarType.Float32 && first.device_type == DeviceType.CPU
            ? Fused(Array.ConvertAll(wide, static map => map.contiguous()), table, levels, scales)
            : RoiAlignOperations.Apply(this, wide, regions, table, levels, scales);
        return scope.MoveToOuter(pooled.to(first.dtype));
    }

    private torch.Tensor Fused(torch.Tensor[] features, RoiTable table, int[] levels, double[] scales)
    {
        var plan = new RoiAlignPlan(this, features, table, levels, scales);
        return torch.is_grad_enabled() && features.Any(static map => map.requires_grad) ? RoiAlignFunction.Run(plan, features) : plan.Forward(features);
    }

    private static void Check(IReadOnlyList<torch.Tensor> features, torch.Tensor rois)
    {
        Operands.Floating(rois, nameof(rois), "n, 5", -1, 5);
        foreach (var map in features)
        {
            Operands.Floating(map, nameof(features), "batch, channels, height, width", -1, -1, -1, -1);
            var first = features[0];
            if (map.shape[0] != first.shape[0] || map.shape[1] != first.shape[1] || map.dtype != first.dtype || map.device.ToString() != first.device.ToString())
            {
                throw new ArgumentException($"'features' has a level of {Operands.Describe(map)} on {map.device} beside one of {Operands.Describe(first)} on {first.device}; expected equal batch, channels, type and device.", nameof(features));
            }

            if (map.shape[2] == 0 || map.shape[3] == 0)
            {
                throw new ArgumentException($"'features' is {Operands.Describe(map)}; expected a height and a width of at least 1.", nameof(features));
            }
        }

        if (rois.device.ToString() != features[0].device.ToString())
        {
            throw new ArgumentException($"'rois' is on {rois.device} and 'features' on {features[0].device}; expected one device.", nameof(rois));
        }
    }
}

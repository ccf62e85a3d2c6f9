using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.Projections;

/// <summary>Levels of each channel's table by comparison with its thresholds: fused where a kernel serves, otherwise in separate tensor operations of the same bits.</summary>
internal sealed class ChannelTableProjection(ChannelTables tables) : IProjection
{
    private readonly DeviceCopies _levels = new();
    private readonly DeviceCopies _codes = new();
    private readonly DeviceCopies _thresholds = new();
    private readonly DeviceCopies _lowest = new();
    private readonly DeviceCopies _highest = new();

    public int ChannelCount => tables.Channels;

    public bool Supports(torch.Tensor x) => FusedCpu.Supports(x);

    public torch.Tensor Encode(torch.Tensor x, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var codes = FusedCpu.Supports(x) ? FusedCpu.Tables(x, null, tables, tables.Codes, axis) : Select(x, _codes.Get(tables.Codes, x.device), axis);
        return codes.to(torch.ScalarType.Byte).MoveToOuterDisposeScope();
    }

    public torch.Tensor Decode(torch.Tensor codes, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var channels = torch.tensor(Enumerable.Range(0, tables.Channels).Select(static channel => (long)channel).ToArray(), device: codes.device).view(Shape(codes, axis));
        var levels = _levels.Get(tables.Levels, codes.device).view(-1, tables.Channels);
        return levels[torch.TensorIndex.Tensor(codes.to(torch.ScalarType.Int64)), torch.TensorIndex.Tensor(channels)].MoveToOuterDisposeScope();
    }

    public torch.Tensor Project(torch.Tensor x, int axis)
    {
        if (FusedCpu.Supports(x))
        {
            return FusedCpu.Tables(x, null, tables, null, axis);
        }

        using var scope = torch.NewDisposeScope();
        return torch.where(x.isnan(), x, Select(x, _levels.Get(tables.Levels, x.device), axis)).MoveToOuterDisposeScope();
    }

    public torch.Tensor Gradient(torch.Tensor x, torch.Tensor gradient, int axis)
    {
        if (FusedCpu.Supports(x))
        {
            return FusedCpu.Tables(x, gradient, tables, null, axis);
        }

        using var scope = torch.NewDisposeScope();
        var shape = Shape(x, axis);
        var inside = x.ge(_lowest.Get(tables.Lowest, x.device).to(x.dtype).view(shape)).logical_and(x.le(_highest.Get(tables.Highest, x.device).to(x.dtype).view(shape)));
        return torch.where(inside, gradient, torch.zeros([], gradient.dtype, gradient.device)).MoveToOuterDisposeScope();
    }

    public void Release()
    {
        _levels.Clear();
        _codes.Clear();
        _thresholds.Clear();
        _lowest.Clear();
        _highest.Clear();
    }

    private torch.Tensor Select(torch.Tensor x, torch.Tensor values, int axis)
    {
        var shape = Shape(x, axis);
        var bounds = _thresholds.Get(tables.Thresholds, x.device).to(x.dtype).view(-1, tables.Channels);
        var levels = values.to(x.dtype).view(-1, tables.Channels);
        var level = levels[0].view(shape).expand(x.shape);
        for (var t = 0; t < tables.ThresholdCount; t++)
        {
            level = torch.where(x.ge(bounds[t].view(shape)), levels[t + 1].view(shape), level);
        }

        return level;
    }

    private long[] Shape(torch.Tensor x, int axis)
    {
        var shape = new long[x.dim()];
        Array.Fill(shape, 1);
        shape[axis] = tables.Channels;
        return shape;
    }
}

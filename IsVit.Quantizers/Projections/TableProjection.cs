using IsVit.Core.Arithmetic;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Kernels.Cuda;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.Projections;

/// <summary>Levels by comparison with thresholds: fused where a kernel serves, otherwise in separate tensor operations of the same bits.</summary>
internal sealed class TableProjection(LevelTable table) : IProjection
{
    private readonly DeviceCopies _levels = new();
    private readonly DeviceCopies _levelsByCode = new();
    private readonly DeviceCopies _thresholds = new();
    private readonly DeviceCopies _codes = new();

    public int ChannelCount => 1;

    public bool Supports(torch.Tensor x) => FusedCpu.Supports(x) || CudaKernels.Supports(x);

    public torch.Tensor Encode(torch.Tensor x, int axis)
    {
        if (FusedCpu.Supports(x))
        {
            using var wide = FusedCpu.Table(x, null, table.OfCodes);
            return wide.to(torch.ScalarType.Byte);
        }

        using var scope = torch.NewDisposeScope();
        var codes = _codes.Get(Array.ConvertAll(table.Codes, c => (float)c), x.device).to(torch.ScalarType.Byte);
        return Take(codes, Positions(x)).MoveToOuterDisposeScope();
    }

    public torch.Tensor Decode(torch.Tensor codes, int axis)
    {
        using var scope = torch.NewDisposeScope();
        return Take(_levelsByCode.Get(table.LevelsByCode, codes.device), codes.to(torch.ScalarType.Int64)).MoveToOuterDisposeScope();
    }

    public torch.Tensor Project(torch.Tensor x, int axis)
    {
        if (FusedCpu.Supports(x))
        {
            return FusedCpu.Table(x, null, table);
        }

        if (CudaKernels.Supports(x))
        {
            return CudaKernels.Table(x, null, table, _thresholds.Get(table.Thresholds, x.device), _levels.Get(table.Levels, x.device)) ?? WideProjection.Forward(this, x, axis);
        }

        using var scope = torch.NewDisposeScope();
        return torch.where(x.isnan(), x, Levels(x)).MoveToOuterDisposeScope();
    }

    public torch.Tensor Gradient(torch.Tensor x, torch.Tensor gradient, int axis)
    {
        if (FusedCpu.Supports(x))
        {
            return FusedCpu.Table(x, gradient, table);
        }

        if (CudaKernels.Supports(x))
        {
            return CudaKernels.Table(x, gradient, table, _thresholds.Get(table.Thresholds, x.device), _levels.Get(table.Levels, x.device)) ?? WideProjection.Backward(this, x, gradient, axis);
        }

        using var scope = torch.NewDisposeScope();
        var inside = x.IsWithin(table.Lowest, table.Highest);
        var passed = table.Slope == SlopeKind.One ? gradient : Levels(x).PlusInPlace(table.Shift).div_(x.Plus(table.Shift)).mul_(gradient);
        return torch.where(inside, passed, torch.zeros([], gradient.dtype, gradient.device)).MoveToOuterDisposeScope();
    }

    public void Release()
    {
        _levels.Clear();
        _levelsByCode.Clear();
        _thresholds.Clear();
        _codes.Clear();
    }

    private torch.Tensor Levels(torch.Tensor x) => Take(_levels.Get(table.Levels, x.device).to(x.dtype), Positions(x));

    private torch.Tensor Positions(torch.Tensor x) =>
        torch.bucketize(x.contiguous(), _thresholds.Get(table.Thresholds, x.device).to(x.dtype), outInt32: false, right: true);

    private static torch.Tensor Take(torch.Tensor values, torch.Tensor indices) => values.index_select(0, indices.reshape(-1)).view(indices.shape);
}

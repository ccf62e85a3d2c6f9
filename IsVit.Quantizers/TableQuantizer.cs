using IsVit.Core.Quantization;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers;

/// <summary>A quantizer of a whole tensor with 2^b levels at any distances.</summary>
public abstract class TableQuantizer : Quantizer
{
    private readonly DeviceCopies _levels = new();
    private readonly DeviceCopies _levelsByCode = new();
    private readonly DeviceCopies _thresholds = new();
    private readonly DeviceCopies _codes = new();
    private LevelTable? _table;

    private protected TableQuantizer(string scheme, BitWidth bits, Granularity granularity)
        : base(bits, granularity) => SpecCheck.PerTensor(scheme, granularity);

    /// <inheritdoc/>
    public sealed override bool IsCalibrated => _table is not null;

    private protected sealed override int ChannelCount => 1;

    /// <inheritdoc/>
    public sealed override void MoveTo(torch.Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        ClearCopies();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        ClearCopies();
        _table = null;
    }

    private protected void Set(LevelTable table)
    {
        ClearCopies();
        _table = table;
    }

    private protected sealed override torch.Tensor Encode(torch.Tensor x, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var codes = _codes.Get(Array.ConvertAll(_table!.Codes, c => (float)c), x.device).to(torch.ScalarType.Byte);
        return Take(codes, Positions(x)).MoveToOuterDisposeScope();
    }

    private protected sealed override torch.Tensor Decode(torch.Tensor codes, int axis)
    {
        using var scope = torch.NewDisposeScope();
        return Take(_levelsByCode.Get(_table!.LevelsByCode, codes.device), codes.to(torch.ScalarType.Int64)).MoveToOuterDisposeScope();
    }

    private protected sealed override torch.Tensor Project(torch.Tensor x, int axis)
    {
        if (FusedCpu.Serves(x) && FusedCpu.Serves(_table!))
        {
            return FusedCpu.TableForward(x, _table!);
        }

        using var scope = torch.NewDisposeScope();
        var levels = Take(_levels.Get(_table!.Levels, x.device).to(x.dtype), Positions(x));
        return torch.where(x.isnan(), x, levels).MoveToOuterDisposeScope();
    }

    private protected sealed override torch.Tensor Gradient(torch.Tensor x, torch.Tensor gradient, int axis)
    {
        var table = _table!;
        if (FusedCpu.Serves(x) && FusedCpu.Serves(table))
        {
            return FusedCpu.TableBackward(x, gradient, table);
        }

        using var scope = torch.NewDisposeScope();
        var inside = x.ge(table.Lowest).logical_and_(x.le(table.Highest));
        var passed = gradient;
        if (table.Slope == SlopeKind.Ratio)
        {
            var levels = Take(_levels.Get(table.Levels, x.device).to(x.dtype), Positions(x));
            passed = levels.add_(table.Shift).div_(x.add(table.Shift)).mul_(gradient);
        }

        return torch.where(inside, passed, torch.zeros([], gradient.dtype, gradient.device)).MoveToOuterDisposeScope();
    }

    private torch.Tensor Positions(torch.Tensor x) =>
        torch.bucketize(x.contiguous(), _thresholds.Get(_table!.Thresholds, x.device).to(x.dtype), outInt32: false, right: true);

    private static torch.Tensor Take(torch.Tensor table, torch.Tensor indices) => table.index_select(0, indices.view(-1)).view(indices.shape);

    private void ClearCopies()
    {
        _levels.Clear();
        _levelsByCode.Clear();
        _thresholds.Clear();
        _codes.Clear();
    }
}

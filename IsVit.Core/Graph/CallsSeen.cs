using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Copies of what passed a site in several calls, whatever their shapes, as one tensor to calibrate on.</summary>
/// <param name="granularity">The quantizer's, whose axis of channels all calls have.</param>
internal sealed class CallsSeen(Granularity granularity)
{
    private readonly List<Tensor> _calls = [];
    private int _axes;

    /// <summary>Takes in what passed in one call.</summary>
    public void Add(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _axes = (int)x.dim();
        var rows = granularity is Granularity.PerChannel { Axis: var axis } ? x.detach().movedim([axis], [0L]).flatten(1) : x.detach().reshape(1, -1);
        _calls.Add(rows.contiguous().clone().DetachFromDisposeScope());
    }

    /// <summary>Everything seen: all numbers in a row, or beside the axis of channels, with as many axes as the latest call had.</summary>
    public Tensor Join()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var all = cat([.. _calls], 1); // [channels, numbers]
        if (granularity is not Granularity.PerChannel { Axis: var axis })
        {
            return scope.MoveToOuter(all.view(-1));
        }

        var channels = axis < 0 ? axis + _axes : axis;
        var shape = new long[_axes];
        Array.Fill(shape, 1);
        (shape[channels], shape[channels == 0 ? 1 : 0]) = (all.shape[0], all.shape[1]);
        return scope.MoveToOuter((channels == 0 ? all : all.transpose(0, 1)).reshape(shape));
    }

    /// <summary>Everything seen, which is then forgotten; null for nothing.</summary>
    public Tensor? Take()
    {
        if (_calls.Count == 0)
        {
            return null;
        }

        var all = Join();
        _calls.ForEach(static call => call.Dispose());
        _calls.Clear();
        return all;
    }
}

using IsVit.Optimization.Calibration;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.BiasCorrection;

/// <summary>The means of a layer's output channels over several forwards.</summary>
internal sealed class ChannelMeans(nn.Module<Tensor, Tensor> module) : LayerObserver(module)
{
    private Tensor? _sum;
    private long _count;

    /// <summary>The means in float64, [channels]; forgets them.</summary>
    public Tensor Mean()
    {
        var mean = _sum! / _count;
        _sum!.Dispose();
        _sum = null;
        _count = 0;
        return mean;
    }

    protected override void See(Tensor input, Tensor output)
    {
        using var scope = NewDisposeScope();
        var rank = (int)output.dim();
        var channel = Layer is Convolution ? 1 : rank - 1;
        var others = Enumerable.Range(0, rank).Where(axis => axis != channel).Select(static axis => (long)axis).ToArray();
        var sum = output.detach().sum(others, type: float64);
        _count += output.numel() / output.shape[channel];
        if (_sum is null)
        {
            _sum = sum.DetachFromDisposeScope();
        }
        else
        {
            _sum.add_(sum);
        }
    }
}

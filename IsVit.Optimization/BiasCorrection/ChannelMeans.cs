using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.BiasCorrection;

/// <summary>The means of a layer's output channels over several forwards.</summary>
internal sealed class ChannelMeans(nn.Module<Tensor, Tensor> module)
{
    private Tensor? _sum;
    private long _count;
    private Action? _remove;

    public nn.Module<Tensor, Tensor> Module => module;

    public void Begin()
    {
        _count = 0;
        _remove = module.register_forward_hook((_, _, output) =>
        {
            Add(output);
            return null!;
        }).remove;
    }

    public void End()
    {
        _remove?.Invoke();
        _remove = null;
    }

    /// <summary>The means in float64, [channels]; forgets them.</summary>
    public Tensor Mean()
    {
        var mean = _sum! / _count;
        _sum!.Dispose();
        _sum = null;
        return mean;
    }

    private void Add(Tensor output)
    {
        using var scope = NewDisposeScope();
        var rank = (int)output.dim();
        var channel = module is Convolution ? 1 : rank - 1;
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

using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Random masks of ones and zeros, as pieces of one long mask that begin at random places: to draw every number of every mask would take longer than a step.</summary>
/// <param name="probability">How often a number is 1, to one part in 256.</param>
/// <param name="random">Draws.</param>
internal sealed class DropMasks(double probability, Random random) : IDisposable
{
    private Tensor? _pool;

    /// <summary>A mask for a tensor, of its shape, type and device; the open dispose scope owns it.</summary>
    public Tensor Next(Tensor like)
    {
        var count = like.numel();
        if (_pool is null || _pool.numel() < count || _pool.dtype != like.dtype || _pool.device_type != like.device_type || _pool.device_index != like.device_index)
        {
            _pool?.Dispose();
            _pool = Draw(count + (count / 2) + 1, like);
        }

        return _pool.narrow(0, random.NextInt64(_pool.numel() - count + 1), count).view(like.shape);
    }

    public void Dispose() => _pool?.Dispose();

    private Tensor Draw(long count, Tensor like)
    {
        using var scope = NewDisposeScope();
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return tensor(bytes).lt(tensor((int)Math.Round(probability * 256))).to(like.dtype).to(like.device).DetachFromDisposeScope();
    }
}

using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>How channels lie in a contiguous tensor: runs of <paramref name="Inner"/> elements, the channel counting up from run to run.</summary>
/// <param name="Channels">The number of channels, 1 per tensor.</param>
/// <param name="Inner">Elements of one channel side by side.</param>
internal readonly record struct ChannelLayout(int Channels, long Inner)
{
    /// <summary>The layout for a tensor's axis, -1 per tensor.</summary>
    public static ChannelLayout Of(torch.Tensor x, int axis)
    {
        if (axis < 0)
        {
            return new(1, long.MaxValue);
        }

        long inner = 1;
        var shape = x.shape;
        for (var d = axis + 1; d < shape.Length; d++)
        {
            inner *= shape[d];
        }

        return new((int)shape[axis], inner);
    }
}

namespace IsVit.Quantizers.Kernels;

/// <summary>How channels lie along a tensor's elements: runs of <paramref name="Inner"/> elements, the channel counting up from run to run.</summary>
/// <param name="Channels">The number of channels, 1 per tensor.</param>
/// <param name="Inner">Elements of one channel side by side.</param>
internal readonly record struct ChannelLayout(int Channels, long Inner)
{
    /// <summary>One channel for everything.</summary>
    public static ChannelLayout PerTensor { get; } = new(1, long.MaxValue);

    /// <summary>The layout of elements in the order of their indices, the last one fastest.</summary>
    public static ChannelLayout InIndexOrder(long[] shape, int axis)
    {
        if (axis < 0)
        {
            return PerTensor;
        }

        long inner = 1;
        for (var d = axis + 1; d < shape.Length; d++)
        {
            inner *= shape[d];
        }

        return new((int)shape[axis], inner);
    }

    /// <summary>The layout of elements in the order of their memory, which has no gaps.</summary>
    public static ChannelLayout InMemoryOrder(long[] shape, long[] strides, int axis) => axis < 0 ? PerTensor : new((int)shape[axis], strides[axis]);
}

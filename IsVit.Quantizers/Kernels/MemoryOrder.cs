using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>The order in which a tensor's elements lie in memory.</summary>
internal static class MemoryOrder
{
    /// <summary>Whether a tensor, and its gradient if there is one, can be worked through in the order in which they lie.</summary>
    /// <param name="shape">The shape of both.</param>
    /// <param name="strides">The tensor's strides.</param>
    /// <param name="gradient">The gradient; null if there is none.</param>
    public static bool Supports(long[] shape, long[] strides, torch.Tensor? gradient) =>
        IsDense(shape, strides) && (gradient is null || IsSame(shape, strides, gradient.stride()));

    /// <summary>Whether the elements fill their memory without gaps and repetitions, in whatever order of axes: transposed tensors do, slices seldom.</summary>
    private static bool IsDense(long[] shape, long[] strides)
    {
        Span<int> axes = stackalloc int[shape.Length];
        var count = 0;
        for (var d = 0; d < shape.Length; d++)
        {
            if (shape[d] != 1)
            {
                axes[count++] = d;
            }
        }

        axes = axes[..count];
        axes.Sort((a, b) => strides[a].CompareTo(strides[b]));
        long expected = 1;
        foreach (var d in axes)
        {
            if (strides[d] != expected)
            {
                return false;
            }

            expected *= shape[d];
        }

        return true;
    }

    /// <summary>Whether two tensors of one shape have their elements in the same order.</summary>
    private static bool IsSame(long[] shape, long[] strides, long[] otherStrides)
    {
        for (var d = 0; d < shape.Length; d++)
        {
            if (shape[d] != 1 && strides[d] != otherStrides[d])
            {
                return false;
            }
        }

        return true;
    }
}

using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>What a pass reads and writes, and the order in which it does.</summary>
/// <typeparam name="TElement">The type of the elements.</typeparam>
/// <param name="X">The numbers.</param>
/// <param name="Gradient">The gradients from above; null in a forward pass.</param>
/// <param name="Output">A new tensor for the results.</param>
/// <param name="Layout">How channels lie in that order.</param>
internal sealed record PassOperands<TElement>(ElementReader<TElement> X, ElementReader<TElement>? Gradient, torch.Tensor Output, ChannelLayout Layout)
    where TElement : unmanaged
{
    /// <summary>
    /// Tensors without gaps in the same order of axes are worked through as they lie, and so is the output, as torch's own operations do it; others in the order of their indices.
    /// </summary>
    /// <param name="x">The numbers.</param>
    /// <param name="gradient">The gradients from above, of the same type and shape; null in a forward pass.</param>
    /// <param name="axis">The axis of channels, -1 per tensor.</param>
    public static PassOperands<TElement> Create(torch.Tensor x, torch.Tensor? gradient, int axis)
    {
        var shape = x.shape;
        if (x.is_contiguous() && gradient?.is_contiguous() != false)
        {
            return new(ElementReader<TElement>.InMemoryOrder(x), InMemoryOrder(gradient), KernelSwitch.Output?.alias() ?? torch.empty(shape, x.dtype, x.device), ChannelLayout.InIndexOrder(shape, axis));
        }

        var strides = x.stride();
        if (MemoryOrder.Supports(shape, strides, gradient))
        {
            var output = torch.empty_strided(shape, strides, x.dtype, x.device);
            return new(ElementReader<TElement>.InMemoryOrder(x), InMemoryOrder(gradient), output, ChannelLayout.InMemoryOrder(shape, strides, axis));
        }

        return new(
            ElementReader<TElement>.InIndexOrder(x),
            gradient is null ? null : ElementReader<TElement>.InIndexOrder(gradient),
            torch.empty(shape, x.dtype, x.device),
            ChannelLayout.InIndexOrder(shape, axis));
    }

    /// <summary>Runs a pass over them.</summary>
    /// <returns>The output.</returns>
    public unsafe torch.Tensor Run<TPass>(TPass pass)
        where TPass : struct, IElementwisePass<TElement>
    {
        var output = TensorMemory.First<TElement>(Output);
        var count = Output.NumberOfElements;
        LargePages.Advise(output, count * sizeof(TElement));
        ElementwiseRun.Run(pass, X, Gradient, output, count);
        return Output;
    }

    private static ElementReader<TElement>? InMemoryOrder(torch.Tensor? tensor) => tensor is null ? null : ElementReader<TElement>.InMemoryOrder(tensor);
}

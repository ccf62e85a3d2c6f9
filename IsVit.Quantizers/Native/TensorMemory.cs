using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace IsVit.Quantizers.Native;

/// <summary>The memory of tensors on the CPU.</summary>
internal static class TensorMemory
{
    /// <summary>The first element's address, wherever the others lie; null if there is none. The tensor must outlive its use.</summary>
    public static unsafe TElement* First<TElement>(torch.Tensor tensor)
        where TElement : unmanaged
    {
        if (tensor.NumberOfElements == 0)
        {
            return null;
        }

        // A view of one element: a span cannot describe more than 2 GB nor gaps, an address can.
        using var first = tensor.as_strided([1], [1], tensor.storage_offset());
        return (TElement*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace IsVit.Quantizers;

/// <summary>The memory of contiguous tensors on the CPU.</summary>
internal static class NativeMemory
{
    /// <summary>The first element's address. The tensor must outlive its use.</summary>
    public static unsafe float* Floats(torch.Tensor tensor)
    {
        // A view of one element: a span cannot describe more than 2 GB, an address can.
        if (tensor.NumberOfElements == 0)
        {
            return null;
        }

        using var first = tensor.NumberOfElements * sizeof(float) <= int.MaxValue ? null : tensor.view(-1).narrow(0, 0, 1);
        return (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference((first ?? tensor).bytes));
    }
}

using System.Runtime.InteropServices;
using TorchSharp;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>Where a tensor's first element lies, in the memory of its device: TorchSharp's own accessors take the CPU's alone.</summary>
internal static unsafe class TensorAddress
{
    private const string Library = "LibTorchSharp";

    // Found as TorchSharp finds it, wherever an application keeps it.
    private static readonly delegate* unmanaged<nint, nint> s_data =
        (delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(NativeLibrary.Load(Library, typeof(torch).Assembly, null), "THSTensor_data");

    /// <summary>The address. The tensor must outlive its use.</summary>
    /// <exception cref="InvalidOperationException">The tensor has elements but no memory of its own, as a sparse one.</exception>
    public static nint Of(torch.Tensor tensor)
    {
        var address = s_data(tensor.Handle);
        GC.KeepAlive(tensor);
        return address != 0 || tensor.NumberOfElements == 0
            ? address
            : throw new InvalidOperationException($"A tensor of shape [{string.Join(", ", tensor.shape)}] on {tensor.device} has no memory that a kernel could read.");
    }
}

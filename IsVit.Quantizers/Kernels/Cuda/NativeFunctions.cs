using System.Runtime.InteropServices;
using System.Text;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>The functions of a library found at run time.</summary>
/// <param name="handle">The library.</param>
internal readonly struct NativeFunctions(nint handle)
{
    /// <summary>A function's address.</summary>
    /// <exception cref="CudaException">The library, of an older version perhaps, has none of that name.</exception>
    public nint this[string name] => NativeLibrary.TryGetExport(handle, name, out var address) ? address : throw new CudaException($"The library has no function {name}.");

    /// <summary>Text as C has it: UTF-8, ending in 0.</summary>
    public static byte[] Text(string text) => [.. Encoding.UTF8.GetBytes(text), 0];
}

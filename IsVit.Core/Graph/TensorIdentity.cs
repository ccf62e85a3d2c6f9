using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IsVit.Model.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Which memory a tensor shows. Two tensors that show the same memory with as many elements hold the same numbers, if in another order.</summary>
internal readonly record struct TensorIdentity(nint Storage, long Offset, long Count)
{
    private static long s_empty;

    public static TensorIdentity Of(Tensor tensor)
    {
        // What holds nothing is like nothing else, though all of it may show one address. Nor does anything depend on whose indices or masks a device's are.
        if (tensor.numel() == 0 || (!Tells(tensor) && !is_floating_point(tensor)))
        {
            return new(0, Interlocked.Increment(ref s_empty), 0);
        }

        using var first = tensor.as_strided([1], [1], 0);
        return new(Address(first), tensor.storage_offset(), tensor.numel());
    }

    /// <summary>Whether it can be told which memory a tensor shows.</summary>
    public static bool Tells(Tensor tensor) => tensor.device_type == DeviceType.CPU || tensor.dtype is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Int64;

    /// <summary>Whether two tensors are known to be the same numbers in the same memory and order, be it by one handle or, as behind a <c>contiguous()</c> that has nothing to do, by two.</summary>
    public static bool AreSame(Tensor one, Tensor other) => ReferenceEquals(one, other)
        || (!one.IsInvalid && !other.IsInvalid && Tells(one) && Tells(other) && one.dtype == other.dtype && one.device_type == other.device_type && one.shape.SequenceEqual(other.shape) && one.stride().SequenceEqual(other.stride()) && Of(one) == Of(other));

    // The storage accessor converts types that it does not know, and would show a copy's memory.
    private static unsafe nint Address(Tensor first) => first.dtype switch
    {
        ScalarType.Float32 => first.storage<float>().data_ptr(),
        ScalarType.Float64 => first.storage<double>().data_ptr(),
        ScalarType.Int64 => first.storage<long>().data_ptr(),
        _ when first.device_type == DeviceType.CPU => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes)),
        var type => throw new QuantizationException($"A graph of {type} on {first.device} cannot be traced; trace it in float32, then convert it."),
    };
}

using TorchSharp;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>One run of a kernel over tensors: inputs without gaps, the output, and the freeing of what is not returned.</summary>
internal sealed class CudaPass : IDisposable
{
    private readonly torch.Tensor _x;
    private readonly torch.Tensor? _gradient;
    private torch.Tensor? _output;

    /// <summary>Prepares the tensors: those without gaps in the same order of axes are taken as they lie, and so is the output; others in the order of their indices.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="gradient">The gradients from above; null in a forward pass.</param>
    /// <param name="axis">The axis of channels, -1 per tensor.</param>
    public CudaPass(torch.Tensor x, torch.Tensor? gradient, int axis)
    {
        long[] shape = x.shape, strides = x.stride();
        using var typed = gradient?.to(x.dtype);
        if (MemoryOrder.Supports(shape, strides, typed))
        {
            (_x, _gradient) = (x.alias(), typed?.alias());
            _output = torch.empty_strided(shape, strides, x.dtype, x.device);
            Layout = ChannelLayout.InMemoryOrder(shape, strides, axis);
        }
        else
        {
            (_x, _gradient) = (x.contiguous(), typed?.contiguous());
            _output = torch.empty(shape, x.dtype, x.device);
            Layout = ChannelLayout.InIndexOrder(shape, axis);
        }

        Elements = new(
            TensorAddress.Of(_x), _gradient is null ? 0 : TensorAddress.Of(_gradient), TensorAddress.Of(_output), _x.NumberOfElements, CudaKernel.SizeOf(x.dtype));
    }

    /// <summary>Where the elements lie.</summary>
    public Elements Elements { get; }

    /// <summary>How channels lie along them.</summary>
    public ChannelLayout Layout { get; }

    /// <summary>Queues the kernel.</summary>
    /// <returns>The output; null, after giving the device up, if the kernel cannot be started.</returns>
    public torch.Tensor? Run<T>(CudaKernel kernel, T parameters)
        where T : unmanaged
    {
        if (_x.NumberOfElements > 0 && !TryLaunch(kernel, parameters))
        {
            return null;
        }

        var output = _output;
        _output = null;
        return output;
    }

    /// <summary>Frees the tensors but one that was returned.</summary>
    public void Dispose()
    {
        _x.Dispose();
        _gradient?.Dispose();
        _output?.Dispose();
    }

    private bool TryLaunch<T>(CudaKernel kernel, T parameters)
        where T : unmanaged
    {
        var index = _x.device_index;
        try
        {
            var device = CudaDevices.Find(index);
            device?.Launch(kernel, Elements, parameters);
            return device is not null;
        }
        catch (CudaException error)
        {
            CudaDevices.Abandon(index, error);
            return false;
        }
    }
}

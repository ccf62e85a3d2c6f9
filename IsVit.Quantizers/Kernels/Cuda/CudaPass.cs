using TorchSharp;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>One run of a kernel over tensors: makes the inputs contiguous and the output, and frees what is not returned.</summary>
internal sealed class CudaPass : IDisposable
{
    private readonly torch.Tensor _x;
    private readonly torch.Tensor? _gradient;
    private torch.Tensor? _output;

    /// <summary>Prepares the tensors.</summary>
    /// <param name="x">The input.</param>
    /// <param name="gradient">The gradient with respect to the output; null when there is none.</param>
    public CudaPass(torch.Tensor x, torch.Tensor? gradient)
    {
        _x = x.contiguous();
        using var typed = gradient?.to(x.dtype);
        _gradient = typed?.contiguous();
        _output = torch.empty_like(_x);
        Elements = new(
            TensorAddress.Of(_x), _gradient is null ? 0 : TensorAddress.Of(_gradient), TensorAddress.Of(_output), _x.NumberOfElements, CudaKernel.SizeOf(x.dtype));
    }

    /// <summary>Where the elements lie.</summary>
    public Elements Elements { get; }

    /// <summary>Queues the kernel.</summary>
    /// <returns>The output; null, after giving the device up, if the kernel cannot be started.</returns>
    public torch.Tensor? Run<T>(CudaKernel kernel, T parameters)
        where T : unmanaged
    {
        try
        {
            if (_x.NumberOfElements > 0)
            {
                var device = CudaDevices.Find(_x.device_index);
                if (device is null)
                {
                    return null;
                }

                device.Launch(kernel, Elements, parameters);
            }

            var output = _output;
            _output = null;
            return output;
        }
        catch (CudaException error)
        {
            CudaDevices.Abandon(_x.device_index, error);
            return null;
        }
    }

    /// <summary>Frees the tensors but one that was returned.</summary>
    public void Dispose()
    {
        _x.Dispose();
        _gradient?.Dispose();
        _output?.Dispose();
    }
}

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>The devices whose kernels serve. One that cannot be set up is tried once and then left to the separate tensor operations.</summary>
internal static class CudaDevices
{
    private static readonly ConcurrentDictionary<int, Lazy<CudaDevice?>> s_devices = new();

    /// <summary>The device; null if its kernels do not serve.</summary>
    public static CudaDevice? Find(int index) => s_devices.GetOrAdd(index, static i => new(() => Open(i))).Value;

    /// <summary>Gives a device up, for the whole process.</summary>
    public static void Abandon(int index, Exception reason)
    {
        s_devices[index] = new(static () => null);
        CudaFallback.Report(reason.Message);
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever keeps kernels from running, the separate operations give the same numbers.")]
    private static CudaDevice? Open(int index)
    {
        try
        {
            var device = new CudaDevice(index);

            // A compiler or a driver that takes one takes them all.
            device.Prepare(CudaKernel.TableBackwardOne(TorchSharp.torch.ScalarType.Float32));
            return device;
        }
        catch (Exception error)
        {
            CudaFallback.Report(error.Message);
            return null;
        }
    }
}

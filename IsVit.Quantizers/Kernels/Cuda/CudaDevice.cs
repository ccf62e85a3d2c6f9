using System.Collections.Concurrent;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>A device that is set up: kernels are compiled for it when first asked for, and kept.</summary>
internal sealed unsafe class CudaDevice
{
    private const int Threads = 256;

    // Packs of a thread, as in fake_quantize.cu.
    private const int Unroll = 2;

    // Blocks that follow one another where one now runs: enough to even out, few enough that filling a block's tables costs little.
    private const int Waves = 4;

    private const int MultiprocessorCount = 16;
    private const int CapabilityMajor = 75;
    private const int CapabilityMinor = 76;

    private readonly ConcurrentDictionary<CudaKernel, Lazy<Function>> _functions = new();
    private readonly CudaDriver _driver;
    private readonly Nvrtc _compiler;
    private readonly nint _context;
    private readonly int _multiprocessors;
    private readonly int _capability;

    /// <summary>Opens a device.</summary>
    /// <param name="index">The device's number, the same for libtorch and the driver.</param>
    /// <exception cref="CudaException">There is no driver, no compiler, or no such device.</exception>
    public CudaDevice(int index)
    {
        _driver = CudaDriver.Instance ?? throw new CudaException("No CUDA driver is found.");
        _compiler = Nvrtc.Instance ?? throw new CudaException("NVRTC, the run-time compiler, is not found, neither beside libtorch nor by its name.");
        (var device, _context) = _driver.Open(index);
        _multiprocessors = _driver.Attribute(device, MultiprocessorCount);
        _capability = (10 * _driver.Attribute(device, CapabilityMajor)) + _driver.Attribute(device, CapabilityMinor);
    }

    /// <summary>Compiles and loads a kernel unless that is done.</summary>
    /// <exception cref="CudaException">It does not compile, or the driver does not take it.</exception>
    public void Prepare(CudaKernel kernel) => _ = Find(kernel);

    /// <summary>Queues a kernel on the default stream.</summary>
    /// <exception cref="CudaException">It does not compile, or the driver does not take it.</exception>
    public void Launch<T>(CudaKernel kernel, Elements elements, T parameters)
        where T : unmanaged
    {
        var function = Find(kernel);
        using var current = _driver.Enter(_context);
        var blocks = Math.Max((elements.Packs + (Threads * Unroll) - 1) / (Threads * Unroll), 1);
        var arguments = stackalloc void*[] { &elements, &parameters };
        _driver.Launch(function.Handle, (int)Math.Min(blocks, function.MostBlocks), Threads, arguments);
    }

    private Function Find(CudaKernel kernel) => _functions.GetOrAdd(kernel, static (k, device) => new(() => device.Load(k)), this).Value;

    private Function Load(CudaKernel kernel)
    {
        var image = _compiler.CompileFor(kernel, _capability);
        using var current = _driver.Enter(_context);
        var handle = _driver.Load(image, CudaKernel.Name);
        return new(handle, (long)_multiprocessors * _driver.ResidentBlocks(handle, Threads) * Waves);
    }

    private readonly record struct Function(nint Handle, long MostBlocks);
}

using System.Runtime.InteropServices;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>NVIDIA's driver: the few of its functions that start kernels. Each throws <see cref="CudaException"/> if the driver refuses.</summary>
internal sealed unsafe class CudaDriver
{
    private static readonly Lazy<CudaDriver?> s_instance = new(static () =>
        NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out var handle) ? new(new NativeFunctions(handle)) : null);

    private readonly delegate* unmanaged<int, byte**, int> _errorText;
    private readonly delegate* unmanaged<int*, int, int> _device;
    private readonly delegate* unmanaged<int*, int, int, int> _attribute;
    private readonly delegate* unmanaged<nint*, int, int> _retain;
    private readonly delegate* unmanaged<nint, int> _push;
    private readonly delegate* unmanaged<nint*, int> _pop;
    private readonly delegate* unmanaged<nint*, void*, int> _load;
    private readonly delegate* unmanaged<nint*, nint, byte*, int> _function;
    private readonly delegate* unmanaged<int*, nint, int, nuint, int> _residentBlocks;
    private readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> _launch;

    private CudaDriver(NativeFunctions library)
    {
        _errorText = (delegate* unmanaged<int, byte**, int>)library["cuGetErrorString"];
        _device = (delegate* unmanaged<int*, int, int>)library["cuDeviceGet"];
        _attribute = (delegate* unmanaged<int*, int, int, int>)library["cuDeviceGetAttribute"];
        _retain = (delegate* unmanaged<nint*, int, int>)library["cuDevicePrimaryCtxRetain"];
        _push = (delegate* unmanaged<nint, int>)library["cuCtxPushCurrent_v2"];
        _pop = (delegate* unmanaged<nint*, int>)library["cuCtxPopCurrent_v2"];
        _load = (delegate* unmanaged<nint*, void*, int>)library["cuModuleLoadData"];
        _function = (delegate* unmanaged<nint*, nint, byte*, int>)library["cuModuleGetFunction"];
        _residentBlocks = (delegate* unmanaged<int*, nint, int, nuint, int>)library["cuOccupancyMaxActiveBlocksPerMultiprocessor"];
        _launch = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)library["cuLaunchKernel"];
        Check(((delegate* unmanaged<uint, int>)library["cuInit"])(0), "start");
    }

    /// <summary>The driver; null if there is none.</summary>
    /// <exception cref="CudaException">It does not start.</exception>
    public static CudaDriver? Instance => s_instance.Value;

    /// <summary>The handle of a device, and its primary context, which libtorch uses as well.</summary>
    public (int Device, nint Context) Open(int index)
    {
        int device;
        nint context;
        Check(_device(&device, index), "find the device");
        Check(_retain(&context, device), "give the device's primary context");
        return (device, context);
    }

    /// <summary>A property of a device, by its number among the driver's.</summary>
    public int Attribute(int device, int number)
    {
        int value;
        Check(_attribute(&value, number, device), "tell a property of the device");
        return value;
    }

    /// <summary>Makes a context the thread's current one until disposed.</summary>
    public Current Enter(nint context)
    {
        Check(_push(context), "enter a context");
        return new(this);
    }

    /// <summary>Loads machine code or PTX into the current context and finds a kernel in it.</summary>
    public nint Load(byte[] image, string kernel)
    {
        nint module, function;
        fixed (byte* bytes = image, name = NativeFunctions.Text(kernel))
        {
            Check(_load(&module, bytes), "load a kernel");
            Check(_function(&function, module, name), "find a kernel");
        }

        return function;
    }

    /// <summary>How many blocks of a size a multiprocessor runs at once.</summary>
    public int ResidentBlocks(nint function, int threads)
    {
        int blocks;
        Check(_residentBlocks(&blocks, function, threads, 0), "tell how many blocks run at once");
        return blocks;
    }

    /// <summary>Queues a kernel on the default stream, after all that libtorch has queued there.</summary>
    public void Launch(nint function, int blocks, int threads, void** arguments) =>
        Check(_launch(function, (uint)blocks, 1, 1, (uint)threads, 1, 1, 0, 0, arguments, null), "launch a kernel");

    private void Check(int code, string what)
    {
        if (code != 0)
        {
            byte* text;
            string? reason = _errorText(code, &text) == 0 ? Marshal.PtrToStringUTF8((nint)text) : null;
            throw new CudaException(FormattableString.Invariant($"The CUDA driver could not {what}: {reason ?? "unknown error"} ({code})."));
        }
    }

    /// <summary>A context that is the thread's current one.</summary>
    internal readonly ref struct Current(CudaDriver driver)
    {
        /// <summary>Makes the one before it current again.</summary>
        public void Dispose()
        {
            nint popped;
            _ = driver._pop(&popped);
        }
    }
}

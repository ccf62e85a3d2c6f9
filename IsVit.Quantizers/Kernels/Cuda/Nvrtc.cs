using System.Runtime.InteropServices;
using System.Text;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>NVIDIA's run-time compiler. It needs no GPU.</summary>
internal sealed unsafe class Nvrtc
{
    private static readonly string[] s_names = OperatingSystem.IsWindows()
        ? ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"]
        : ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"];

    private static readonly Lazy<Nvrtc?> s_instance = new(static () =>
        NativeSearch.TryLoad(s_names, OperatingSystem.IsWindows() ? "nvrtc64_*.dll" : "libnvrtc*.so*", out var handle) ? new(new NativeFunctions(handle)) : null);

    private readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> _create;
    private readonly delegate* unmanaged<nint, int, byte**, int> _compile;
    private readonly delegate* unmanaged<nint*, int> _destroy;
    private readonly delegate* unmanaged<int, nint> _errorText;
    private readonly delegate* unmanaged<int*, int> _targetCount;
    private readonly delegate* unmanaged<int*, int> _targets;
    private readonly (nint Size, nint Text) _log;
    private readonly (nint Size, nint Text) _ptx;
    private readonly (nint Size, nint Text) _cubin;

    private Nvrtc(NativeFunctions library)
    {
        _create = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)library["nvrtcCreateProgram"];
        _compile = (delegate* unmanaged<nint, int, byte**, int>)library["nvrtcCompileProgram"];
        _destroy = (delegate* unmanaged<nint*, int>)library["nvrtcDestroyProgram"];
        _errorText = (delegate* unmanaged<int, nint>)library["nvrtcGetErrorString"];
        _targetCount = (delegate* unmanaged<int*, int>)library["nvrtcGetNumSupportedArchs"];
        _targets = (delegate* unmanaged<int*, int>)library["nvrtcGetSupportedArchs"];
        _log = (library["nvrtcGetProgramLogSize"], library["nvrtcGetProgramLog"]);
        _ptx = (library["nvrtcGetPTXSize"], library["nvrtcGetPTX"]);
        _cubin = (library["nvrtcGetCUBINSize"], library["nvrtcGetCUBIN"]);
    }

    /// <summary>The compiler; null if no library is found.</summary>
    /// <exception cref="CudaException">The library is one of before CUDA 11.2.</exception>
    public static Nvrtc? Instance => s_instance.Value;

    /// <summary>The compute capabilities that it compiles for, ascending, as 10 major + minor.</summary>
    public int[] Targets()
    {
        int count;
        Check(_targetCount(&count), "list targets");
        var targets = new int[count];
        fixed (int* first = targets)
        {
            Check(_targets(first), "list targets");
        }

        Array.Sort(targets);
        return targets;
    }

    /// <summary>Compiles a kernel for a device: to its machine code, or to PTX for the newest older device if the compiler does not know this one.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="capability">The device's compute capability, as 10 major + minor.</param>
    /// <exception cref="CudaException">No target fits, or the source does not compile; the message holds the compiler's.</exception>
    public byte[] CompileFor(CudaKernel kernel, int capability)
    {
        var target = Array.FindLast(Targets(), t => t <= capability);
        return target == capability ? Compile(kernel, FormattableString.Invariant($"sm_{target}"), _cubin)
            : target > 0 ? CompileToPtx(kernel, target)
            : throw new CudaException(FormattableString.Invariant($"The compiler has no target for compute capability {capability / 10}.{capability % 10}."));
    }

    /// <summary>Compiles a kernel to PTX, ending in 0.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="capability">The compute capability, as 10 major + minor.</param>
    /// <exception cref="CudaException">The source does not compile; the message holds the compiler's.</exception>
    public byte[] CompileToPtx(CudaKernel kernel, int capability) => Compile(kernel, FormattableString.Invariant($"compute_{capability}"), _ptx);

    private byte[] Compile(CudaKernel kernel, string target, (nint Size, nint Text) result)
    {
        nint program;
        fixed (byte* source = NativeFunctions.Text(CudaSource.Read()), name = NativeFunctions.Text(CudaSource.FileName))
        {
            Check(_create(&program, source, name, 0, null, null), "create a program");
        }

        try
        {
            // No contraction to fused multiply-adds: they round once where the separate operations round twice.
            int code = Compile(
                program, $"--gpu-architecture={target}", "--std=c++17", "--fmad=false", $"--define-macro=TYPE={kernel.TypeName}", $"--define-macro=OPERATION={kernel.Operation}");
            return code == 0 ? Read(program, result)
                : throw new CudaException($"{kernel.Operation} of {kernel.TypeName} did not compile for {target}: {Text(code)}. {Encoding.UTF8.GetString(Read(program, _log)).Trim('\0', '\n')}");
        }
        finally
        {
            _ = _destroy(&program);
        }
    }

    private int Compile(nint program, params string[] options)
    {
        var handles = Array.ConvertAll(options, static option => Marshal.StringToCoTaskMemUTF8(option));
        try
        {
            fixed (nint* first = handles)
            {
                return _compile(program, handles.Length, (byte**)first);
            }
        }
        finally
        {
            Array.ForEach(handles, Marshal.FreeCoTaskMem);
        }
    }

    private byte[] Read(nint program, (nint Size, nint Text) functions)
    {
        nuint size;
        Check(((delegate* unmanaged<nint, nuint*, int>)functions.Size)(program, &size), "tell a size");
        var bytes = new byte[size];
        fixed (byte* first = bytes)
        {
            Check(((delegate* unmanaged<nint, byte*, int>)functions.Text)(program, first), "give a result");
        }

        return bytes;
    }

    private void Check(int code, string what)
    {
        if (code != 0)
        {
            throw new CudaException($"The run-time compiler could not {what}: {Text(code)}.");
        }
    }

    private string Text(int code) => Marshal.PtrToStringUTF8(_errorText(code)) ?? FormattableString.Invariant($"error {code}");
}

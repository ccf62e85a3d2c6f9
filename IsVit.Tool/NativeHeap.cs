using System.Runtime.InteropServices;

namespace IsVit.Tool;

/// <summary>
/// Stops glibc from returning large blocks to the system at every free. libtorch frees and allocates tensors of megabytes all the time, and most of
/// what a training step costs beside arithmetic is page faults on blocks that were just given back.
/// </summary>
internal static partial class NativeHeap
{
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int OneGibibyte = 1 << 30;

    /// <summary>Raises malloc's thresholds of this process; does nothing where malloc is not glibc's.</summary>
    /// <returns>Whether glibc took the settings.</returns>
    public static bool KeepLargeBlocks()
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            return SetOption(MmapThreshold, OneGibibyte) != 0
                && SetOption(TrimThreshold, OneGibibyte) != 0
                && SetOption(TopPad, OneGibibyte / 4) != 0;
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    // glibc's file name: other C libraries have no such options.
    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetOption(int option, int value);
}

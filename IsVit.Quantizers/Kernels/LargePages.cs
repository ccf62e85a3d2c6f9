using System.Runtime.InteropServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>
/// Asks Linux to give new memory in pages of 2 MiB where it would give 512 small ones, each at the cost of a fault that takes longer than the work on it. Where the system is set to do so
/// only for those who ask ("madvise"), malloc does not.
/// </summary>
internal static unsafe partial class LargePages
{
    private const nuint PageSize = 2 << 20;
    private const int Advice = 14; // MADV_HUGEPAGE
    private static bool s_isAvailable = OperatingSystem.IsLinux();

    /// <summary>Asks for the large pages that lie within a block that is about to be written as a whole. Without effect on pages that are there already.</summary>
    /// <param name="start">The block.</param>
    /// <param name="bytes">Its length.</param>
    public static void Advise(void* start, long bytes)
    {
        var first = ((nuint)start + PageSize - 1) & ~(PageSize - 1);
        var end = ((nuint)start + (nuint)bytes) & ~(PageSize - 1);
        if (!s_isAvailable || end <= first)
        {
            return;
        }

        try
        {
            // A system without such pages refuses, and nothing is lost.
            _ = AdviseMemory((void*)first, end - first, Advice);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            s_isAvailable = false;
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int AdviseMemory(void* start, nuint length, int advice);
}

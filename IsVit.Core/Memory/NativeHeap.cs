using System.Runtime.InteropServices;

namespace IsVit.Core.Memory;

/// <summary>
/// Where libtorch's memory comes from on Linux: glibc's malloc, which returns blocks of megabytes to the system when they are freed. Tensors are such blocks, freed and
/// allocated all the time, and the system gives each page back at the cost of a page fault.
/// </summary>
public static partial class NativeHeap
{
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int ArenaMax = -8;
    private const int OneGibibyte = 1 << 30;
    private const int DefaultTopPad = 128 << 10;

    /// <summary>Below so many elements libtorch does not share an operation out either, and threads may have no workers yet.</summary>
    internal const long WorthReturning = 32768;

    private static volatile bool s_returnsFreed;

    /// <summary>Whether the program that the process is has asked for one of the settings: memory of the whole process may then be collected for a run.</summary>
    internal static bool MayActOnProcess { get; private set; }

    /// <summary>
    /// Lets runs give memory of the whole process back, not their own alone: between units of a reconstruction what has been freed in the heaps of all threads (<c>malloc_trim</c>), and before one what the garbage collector
    /// finds. A run needs about half of the memory then. Off until it is called, because it costs other threads of the process time; for programs whose process quantizes and does little else. Takes <see cref="KeepLargeBlocks"/>'s
    /// part in this back.
    /// </summary>
    public static void ReturnFreedBlocks()
    {
        s_returnsFreed = OperatingSystem.IsLinux();
        MayActOnProcess = true;
    }

    /// <summary>
    /// Makes malloc keep freed blocks of up to 1 GiB for the next tensor, and threads that start from here on share the heaps that there are: what one of the many that a reconstruction's streams stand on has freed
    /// serves the others. A setting of the whole process, to be made once when it starts: the process then holds the most memory that it ever needed.
    /// </summary>
    /// <returns>Whether malloc took the settings; false, and nothing is changed, where it is not glibc's.</returns>
    public static bool KeepLargeBlocks()
    {
        s_returnsFreed = false;
        MayActOnProcess = true;
        return Set(OneGibibyte, OneGibibyte, OneGibibyte / 4) && SetOption(ArenaMax, 1) != 0;
    }

    /// <summary>
    /// Makes malloc take large blocks from the system one by one and return each when it is freed, instead of raising by itself, up to 32 MiB, the size from where it does so: freed blocks of different sizes do not lie
    /// between others in use, and a process holds less at its peak; and does what <see cref="ReturnFreedBlocks"/> does. Small blocks cost what they did; a large one costs a page fault for each of its pages every time. Takes <see cref="KeepLargeBlocks"/> back.
    /// </summary>
    /// <param name="fromBytes">The size of a large block, at least 1. 16 MiB by default: the activations of a ViT-B in batches of 32 are larger, whose arithmetic takes far longer than their pages, and most of a DeiT-Tiny's are smaller.</param>
    /// <returns>Whether malloc took the settings; false, and nothing is changed, where it is not glibc's.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public static bool ReturnLargeBlocks(int fromBytes = 16 << 20)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fromBytes, 1);
        ReturnFreedBlocks();
        return Set(fromBytes, fromBytes, DefaultTopPad);
    }

    /// <summary>
    /// Returns to the system what has been freed in the heaps of all threads, between blocks in use as well. A heap that a thread no longer works in keeps it otherwise.
    /// Does nothing unless <see cref="ReturnFreedBlocks"/> was called, or where malloc is not glibc's.
    /// </summary>
    /// <param name="elements">The size of the tensors at work: for fewer elements than <see cref="WorthReturning"/> looking through the heaps costs more than they hold.</param>
    internal static void ReturnFreed(long elements)
    {
        if (!s_returnsFreed || elements < WorthReturning)
        {
            return;
        }

        try
        {
            _ = Trim(0);
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            s_returnsFreed = false;
        }
    }

    private static bool Set(int mmapThreshold, int trimThreshold, int topPad)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            return SetOption(MmapThreshold, mmapThreshold) != 0
                && SetOption(TrimThreshold, trimThreshold) != 0
                && SetOption(TopPad, topPad) != 0;
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

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Trim(nuint pad);
}

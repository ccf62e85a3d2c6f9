using System.Runtime.InteropServices;

namespace IsVit.Core.Memory;

/// <summary>
/// Settings of libtorch's memory allocator on Linux: glibc's malloc, which returns blocks of megabytes to the system when they are freed. Tensors are such blocks, freed and
/// allocated all the time, and each page that the system provides again costs a page fault.
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
    /// Allows runs to return freed memory of the whole process, not only their own, to the system: between units of a reconstruction the freed blocks in the heaps of all threads (<c>malloc_trim</c>), and before a reconstruction
    /// what the garbage collector finds. A run then needs about half of the memory. Off until it is called, because it costs time in other threads of the process; for programs whose process quantizes and does little else. Undoes this
    /// part of <see cref="KeepLargeBlocks"/>.
    /// </summary>
    public static void ReturnFreedBlocks()
    {
        s_returnsFreed = OperatingSystem.IsLinux();
        MayActOnProcess = true;
    }

    /// <summary>
    /// Makes malloc keep freed blocks of up to 1 GiB for the next tensor, and makes threads that start afterwards share the existing heaps: blocks freed by one of the many threads of a reconstruction's streams can be used
    /// by the others. A setting of the whole process, to be made once at startup: the process then holds the largest amount of memory that it ever needed.
    /// </summary>
    /// <returns>Whether malloc accepted the settings; false, without any change, if it is not glibc's.</returns>
    public static bool KeepLargeBlocks()
    {
        s_returnsFreed = false;
        MayActOnProcess = true;
        return Set(OneGibibyte, OneGibibyte, OneGibibyte / 4) && SetOption(ArenaMax, 1) != 0;
    }

    /// <summary>
    /// Makes malloc allocate large blocks from the system one by one and return each when it is freed, instead of raising the size from which it does so by itself, up to 32 MiB: freed blocks of different sizes do not remain
    /// between blocks in use, and a process holds less memory at its peak; also does what <see cref="ReturnFreedBlocks"/> does. Small blocks cost the same as before; a large one costs a page fault for each of its pages every time.
    /// Undoes <see cref="KeepLargeBlocks"/>.
    /// </summary>
    /// <param name="fromBytes">
    /// The size from which a block is large, in bytes, at least 1. 16 MiB by default: the activations of a ViT-B in batches of 32 are larger, and computing them takes far longer than their page faults; most activations of a
    /// DeiT-Tiny are smaller.
    /// </param>
    /// <returns>Whether malloc accepted the settings; false, without any change, if it is not glibc's.</returns>
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

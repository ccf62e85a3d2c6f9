using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>A pass over elements that can be cut anywhere.</summary>
internal interface IElementwisePass
{
    /// <summary>About how long one element takes, for deciding on threads.</summary>
    static abstract double Nanoseconds { get; }

    /// <summary>Works on the elements from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    void Run(long start, long end);
}

/// <summary>Runs a pass on up to as many threads as libtorch uses.</summary>
internal static class ParallelChunks
{
    private const int Chunk = 1 << 16;

    // One core all but saturates the memory; a thread that starts late, or that others hold up, costs more than it gives below this.
    private const double NanosecondsPerThread = 1e6;

    public static void Run<T>(T pass, long count)
        where T : struct, IElementwisePass
    {
        var threads = Threads(count * T.Nanoseconds);
        if (threads <= 1)
        {
            pass.Run(0, count);
            return;
        }

        var chunks = (int)((count + Chunk - 1) / Chunk);
        Parallel.For(
            0,
            chunks,
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            i => pass.Run((long)i * Chunk, Math.Min((i + 1L) * Chunk, count)));
    }

    private static int Threads(double nanoseconds)
    {
        if (KernelSwitch.ForcedThreads > 0)
        {
            return KernelSwitch.ForcedThreads;
        }

        var worthwhile = (int)Math.Min(nanoseconds / NanosecondsPerThread, Environment.ProcessorCount);
        return worthwhile <= 1 ? 1 : Math.Min(worthwhile, torch.get_num_threads());
    }
}

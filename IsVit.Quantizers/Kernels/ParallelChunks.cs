using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>A pass over elements that can be cut anywhere.</summary>
internal interface IElementwisePass
{
    /// <summary>Works on the elements from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    void Run(long start, long end);
}

/// <summary>Runs a pass on as many threads as libtorch uses.</summary>
internal static class ParallelChunks
{
    // Long enough to hide what starting a chunk costs, short enough that a thread delayed by others does not hold up the rest.
    private const int Chunk = 1 << 17;

    public static void Run<T>(T pass, long count)
        where T : struct, IElementwisePass
    {
        var threads = count < 2 * Chunk ? 1 : torch.get_num_threads();
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
}

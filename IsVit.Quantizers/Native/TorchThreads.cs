using IsVit.Core.Memory;
using TorchSharp;

namespace IsVit.Quantizers.Native;

/// <summary>Work on as many threads as libtorch uses: on its own ones where that is possible.</summary>
internal static class TorchThreads
{
    /// <summary>The number of threads that libtorch uses, or that a test forces.</summary>
    public static int Count => KernelSwitch.ForcedThreads > 0 ? KernelSwitch.ForcedThreads : torch.get_num_threads();

    /// <summary>Runs the same work on several threads at once, on this one at least.</summary>
    /// <param name="work">Takes pieces of the whole until none is left, on whichever threads there are.</param>
    /// <param name="threads">How many are worth their while, 1 or more.</param>
    public static void Run(Action work, int threads)
    {
        if (threads <= 1)
        {
            work();
        }
        else if (OpenMpTeam.IsAvailable)
        {
            // Always all: for a smaller team the runtime ends the other threads, and starts them anew for libtorch's next operation.
            OpenMpTeam.Run(work, Count);
        }
        else
        {
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ => work());
        }
    }

    /// <summary>Runs work for each number below a count, in any order.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="work">Is given the number.</param>
    public static void For(int count, Action<int> work)
    {
        var next = -1;
        Run(
            () =>
            {
                for (var i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
                {
                    work(i);
                }
            },
            Math.Min(count, Count));
    }
}

using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace IsVit.Core.Memory;

/// <summary>
/// The threads that libtorch computes on. They wait for work in a loop, so that work given to others would share the cores with that loop, and would start later.
/// </summary>
internal static unsafe class OpenMpTeam
{
    private static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> s_parallel =
        (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)LoadedLibraries.TorchFunction("libgomp", "GOMP_parallel");

    /// <summary>Whether libtorch's threads can be used: where it brings GNU's OpenMP runtime.</summary>
    public static bool IsAvailable => s_parallel != null;

    /// <summary>
    /// Makes libtorch compute on the number of threads that the host has set, when called by a new thread before anything else. Of itself libtorch looks the number up late:
    /// until then its matrix library takes one thread for each processor, whose packing buffers nobody frees.
    /// </summary>
    public static void Adopt() => _ = torch.get_num_threads();

    /// <summary>Runs the same work once on each of some threads, this one among them; fewer may come than asked for. An exception of one of them is thrown when all have ended.</summary>
    /// <param name="work">What to do, safe to run on several threads at once.</param>
    /// <param name="threads">1 or more.</param>
    public static void Run(Action work, int threads)
    {
        var team = new Team(work);
        var handle = GCHandle.Alloc(team);
        try
        {
            s_parallel(&Enter, (void*)GCHandle.ToIntPtr(handle), (uint)threads, 0);
        }
        finally
        {
            handle.Free();
        }

        team.Failure?.Throw();
    }

    [UnmanagedCallersOnly]
    private static void Enter(void* state) => ((Team)GCHandle.FromIntPtr((nint)state).Target!).Run();

    private sealed class Team(Action work)
    {
        public ExceptionDispatchInfo? Failure { get; private set; }

        public void Run()
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                // No exception may leave through native frames.
                Failure = ExceptionDispatchInfo.Capture(e);
            }
        }
    }
}

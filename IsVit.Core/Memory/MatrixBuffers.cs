using TorchSharp;

namespace IsVit.Core.Memory;

/// <summary>
/// The buffers in which the matrix library of libtorch (MKL) packs operands. Each thread has its own, of some 5 MB, and keeps them until it ends.
/// </summary>
internal static unsafe class MatrixBuffers
{
    private static readonly delegate* unmanaged<int> s_threads = (delegate* unmanaged<int>)LoadedLibraries.TorchFunction(LoadedLibraries.TorchName, "mkl_serv_get_max_threads");

    private static readonly delegate* unmanaged<void> s_free = (delegate* unmanaged<void>)LoadedLibraries.TorchFunction(LoadedLibraries.TorchName, "mkl_serv_thread_free_buffers");

    /// <summary>Whether buffers can be freed: where libtorch brings MKL and lets others call it.</summary>
    public static bool IsAvailable => s_free != null;

    /// <summary>
    /// Frees those of the thread that calls and of the threads that libtorch computes on for it. They take new ones when they compute again. Does nothing where it cannot.
    /// </summary>
    public static void FreeOfThisTeam()
    {
        if (!IsAvailable)
        {
            return;
        }

        if (OpenMpTeam.IsAvailable)
        {
            // On a thread that has not adopted the host's number the library still computes on more threads than libtorch would say.
            var threads = s_threads == null ? 1 : s_threads();
            OpenMpTeam.Run(static () => s_free(), Math.Max(threads, torch.get_num_threads()));
        }
        else
        {
            s_free();
        }
    }
}

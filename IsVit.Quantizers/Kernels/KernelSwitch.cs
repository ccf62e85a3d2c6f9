namespace IsVit.Quantizers.Kernels;

/// <summary>Lets tests and benchmarks choose, for the calling thread, which way numbers take: all ways give the same bits.</summary>
internal static class KernelSwitch
{
    [ThreadStatic]
    private static bool _eager;

    [ThreadStatic]
    private static int _threads;

    /// <summary>Whether the fused kernels may serve.</summary>
    public static bool FusedAllowed => !_eager;

    /// <summary>The number of threads to use whatever the size; 0 leaves it to the size.</summary>
    public static int ForcedThreads => _threads;

    /// <summary>Runs the reference of separate tensor operations until disposed.</summary>
    public static IDisposable Eager() => new Scope(eager: true, _threads);

    /// <summary>Runs kernels on a number of threads until disposed.</summary>
    /// <param name="count">1 or more.</param>
    public static IDisposable Threads(int count) => new Scope(_eager, count);

    private sealed class Scope : IDisposable
    {
        private readonly (bool Eager, int Threads) _before = (_eager, _threads);

        public Scope(bool eager, int threads) => (_eager, _threads) = (eager, threads);

        public void Dispose() => (_eager, _threads) = _before;
    }
}

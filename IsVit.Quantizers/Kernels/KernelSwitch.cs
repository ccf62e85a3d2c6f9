namespace IsVit.Quantizers.Kernels;

/// <summary>Lets tests and benchmarks run the reference of separate tensor operations instead of the fused kernels, on the calling thread.</summary>
internal static class KernelSwitch
{
    [ThreadStatic]
    private static bool _eager;

    public static bool FusedAllowed => !_eager;

    /// <summary>Turns the fused kernels off until disposed.</summary>
    public static IDisposable Eager() => new Scope();

    private sealed class Scope : IDisposable
    {
        private readonly bool _before = _eager;

        public Scope() => _eager = true;

        public void Dispose() => _eager = _before;
    }
}

using TorchSharp;

namespace IsVit.Quantizers.Native;

/// <summary>Which way numbers take: all ways give the same bits. Tests and benchmarks choose for the calling thread, programs through <see cref="EagerName"/> for the process.</summary>
internal static class KernelSwitch
{
    /// <summary>The <see cref="AppContext"/> switch that turns the fused kernels off.</summary>
    public const string EagerName = "IsVit.Quantizers.SeparateOperations";

    private static readonly bool s_eager = AppContext.TryGetSwitch(EagerName, out var eager) && eager;

    [ThreadStatic]
    private static Choice _choice;

    /// <summary>Whether the fused kernels may serve.</summary>
    public static bool FusedAllowed => !s_eager && !_choice.Eager;

    /// <summary>The number of threads to use whatever the size; 0 leaves it to the size.</summary>
    public static int ForcedThreads => _choice.Threads;

    /// <summary>The vectors to use.</summary>
    public static VectorWidth Width => _choice.Width ?? VectorWidths.Widest;

    /// <summary>Where results go that would otherwise go to new memory; null for new memory.</summary>
    public static torch.Tensor? Output => _choice.Output;

    /// <summary>Runs the reference of separate tensor operations until disposed.</summary>
    public static IDisposable Eager() => new Scope(_choice with { Eager = true });

    /// <summary>Runs kernels on a number of threads until disposed.</summary>
    /// <param name="count">1 or more.</param>
    public static IDisposable Threads(int count) => new Scope(_choice with { Threads = count });

    /// <summary>Runs kernels with vectors of one width until disposed, in software where the processor has none.</summary>
    /// <param name="width">The width.</param>
    public static IDisposable Vectors(VectorWidth width) => new Scope(_choice with { Width = width });

    /// <summary>Makes results of the kernels go to memory that is there already until disposed, so that a benchmark can tell the cost of new memory from that of the work.</summary>
    /// <param name="output">Of the results' shape and type, contiguous.</param>
    public static IDisposable Into(torch.Tensor output) => new Scope(_choice with { Output = output });

    private readonly record struct Choice(bool Eager, int Threads, VectorWidth? Width, torch.Tensor? Output);

    private sealed class Scope : IDisposable
    {
        private readonly Choice _before = _choice;

        public Scope(Choice choice) => _choice = choice;

        public void Dispose() => _choice = _before;
    }
}

using System.Diagnostics.Tracing;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>
/// Says once in a process why separate tensor operations serve on a CUDA device. As an event of System.Diagnostics.Tracing, source "IsVit-Quantizers": the
/// tools and listeners of .NET read those, whoever they belong to, and this library needs no logging package. <see cref="Tell"/> gives it, once, to who has a logger.
/// </summary>
[EventSource(Name = "IsVit-Quantizers")]
internal sealed class CudaFallback : EventSource
{
    private static readonly CudaFallback s_source = new();
    private static string? s_reason;
    private static int s_told;

    private CudaFallback()
    {
    }

    /// <summary>Why kernels do not serve on a device that was asked for; null as long as they do.</summary>
    public static string? Reason => Volatile.Read(ref s_reason);

    /// <summary>The reason, to the first who asks when there is one; null to all others.</summary>
    [NonEvent]
    public static string? Tell() => Reason is { } reason && Interlocked.Exchange(ref s_told, 1) == 0 ? reason : null;

    /// <summary>Writes the event, the first time.</summary>
    [NonEvent]
    public static void Report(string reason)
    {
        if (Interlocked.CompareExchange(ref s_reason, reason, null) is null)
        {
            s_source.CudaKernelsUnavailable(reason);
        }
    }

    /// <summary>The event.</summary>
    [Event(1, Level = EventLevel.Warning, Message = "Fused CUDA kernels are not available, separate tensor operations serve: {0}")]
    public void CudaKernelsUnavailable(string reason) => WriteEvent(1, reason);
}

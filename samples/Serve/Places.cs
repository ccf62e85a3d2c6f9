using System.Threading.RateLimiting;

namespace Serve;

/// <summary>
/// The places of the service. A request takes one inside before its body is read, or is turned away, so that memory is bounded; only when the image has arrived it waits for one to compute, so that a slow client keeps nobody
/// from computing.
/// </summary>
internal sealed class Places(ServeOptions options) : IDisposable
{
    private readonly ConcurrencyLimiter _computing = new(new() { PermitLimit = options.MaxComputing, QueueLimit = Math.Max(options.MaxWaiting, 1), QueueProcessingOrder = QueueProcessingOrder.OldestFirst });

    private int _inside;

    /// <summary>Requests that were let in.</summary>
    public int Inside => Volatile.Read(ref _inside);

    /// <summary>Requests that wait for one to compute.</summary>
    public long Waiting => _computing.GetStatistics()!.CurrentQueuedCount;

    /// <summary>Waits for a place to compute. There are never more requests inside than may compute and wait.</summary>
    public async ValueTask<RateLimitLease> ToComputeAsync(CancellationToken cancellationToken)
    {
        var lease = await _computing.AcquireAsync(1, cancellationToken);
        return lease.IsAcquired ? lease : throw new InvalidOperationException("More requests wait than are let in.");
    }

    /// <summary>Counts a request that was let in.</summary>
    public void Enter() => Interlocked.Increment(ref _inside);

    /// <summary>Counts that it has its answer.</summary>
    public void Leave() => Interlocked.Decrement(ref _inside);

    public void Dispose() => _computing.Dispose();
}

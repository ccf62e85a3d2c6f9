namespace IsVit.Runtime.Execution;

/// <summary>
/// Runs phases on the calling thread and on threads of the pool that join when they come. Nobody waits for a thread that did not come: an item is taken by whoever is free, and the last to finish one opens the
/// next phase. A run allocates nothing.
/// </summary>
internal sealed class Team : IThreadPoolWorkItem
{
    /// <summary>The most threads of a team.</summary>
    public const int MostWorkers = 31;

    private const int NoItems = 1 << 30;

    private readonly int _workers;
    private IPhases? _phases;
    private Exception? _failure;
    private CancellationToken _cancellation;

    // Phase in the upper half, next item in the lower.
    private long _next = NoItems;
    private int _itemCount;
    private int _done;
    private int _freeWorkers;
    private int _asked;
    private volatile bool _isRunning;

    /// <summary>Creates a team.</summary>
    /// <param name="workers">How many threads may work at a time, the calling one included; at most 31.</param>
    public Team(int workers)
    {
        _workers = workers;
        _freeWorkers = Helpers;
    }

    // The calling thread is worker 0.
    private int Helpers => ((1 << _workers) - 1) & ~1;

    /// <summary>Runs phases to the end.</summary>
    /// <param name="phases">The work.</param>
    /// <param name="cancellation">Looked at between items.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Run(IPhases phases, CancellationToken cancellation)
    {
        (_phases, _failure, _cancellation) = (phases, null, cancellation);

        // A thread that was asked to join a run before this one may come at any time from here on: it must find no item before there is one.
        Volatile.Write(ref _next, NoItems);
        Volatile.Write(ref _itemCount, phases.ItemCount(0));
        _done = 0;
        _isRunning = true;
        Volatile.Write(ref _next, 0);
        Interlocked.MemoryBarrier();

        // Those who were asked and have not come yet need not be asked again: the pool's queue stays short however busy its threads are.
        for (var i = Volatile.Read(ref _asked); i < _workers - 1; i++)
        {
            Interlocked.Increment(ref _asked);
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        Work(0);

        // Whoever joined has left before the caller may dispose or reuse what the phases use.
        var spin = default(SpinWait);
        while (Volatile.Read(ref _freeWorkers) != Helpers)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        var failure = _failure;
        (_phases, _failure, _cancellation) = (null, null, default);
        cancellation.ThrowIfCancellationRequested();
        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Decrement(ref _asked);
        if (Join() is var worker and > 0)
        {
            Work(worker);
            Interlocked.Or(ref _freeWorkers, 1 << worker);
        }
    }

    private int Join()
    {
        while (_isRunning)
        {
            var free = Volatile.Read(ref _freeWorkers);
            if (free == 0)
            {
                return 0;
            }

            var worker = System.Numerics.BitOperations.TrailingZeroCount(free);
            if (Interlocked.CompareExchange(ref _freeWorkers, free & ~(1 << worker), free) == free)
            {
                return worker;
            }
        }

        return 0;
    }

    private void Work(int worker)
    {
        var spin = default(SpinWait);
        while (_isRunning)
        {
            var next = Volatile.Read(ref _next);
            var (phase, item) = ((int)(next >> 32), (int)next);
            var count = Volatile.Read(ref _itemCount);
            if (item >= count)
            {
                spin.SpinOnce(sleep1Threshold: -1);
                continue;
            }

            if (Interlocked.CompareExchange(ref _next, next + 1, next) == next)
            {
                spin = default;
                Do(phase, item, worker);

                // The count of this phase: that of the next may be there when a thread goes on that was stopped before the comparison.
                if (Interlocked.Increment(ref _done) == count)
                {
                    Open(phase + 1);
                }
            }
        }
    }

    private void Do(int phase, int item, int worker)
    {
        if (_failure is not null || _cancellation.IsCancellationRequested)
        {
            return;
        }

        try
        {
            _phases!.Do(phase, item, worker);
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    private void Open(int phase)
    {
        if (phase == _phases!.PhaseCount || _failure is not null || _cancellation.IsCancellationRequested)
        {
            _isRunning = false;
            return;
        }

        _done = 0;

        // Between the two writes nobody can take an item: the old phase has none left, and the new count does not make any.
        Volatile.Write(ref _next, ((long)phase << 32) | NoItems);
        Volatile.Write(ref _itemCount, _phases.ItemCount(phase));
        Volatile.Write(ref _next, (long)phase << 32);
    }
}

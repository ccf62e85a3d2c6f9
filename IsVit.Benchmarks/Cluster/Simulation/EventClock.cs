namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>Simulated time: what is to happen happens in the order of its time, and at the same time in the order in which it was planned.</summary>
internal sealed class EventClock
{
    private readonly PriorityQueue<Action, (double Time, long Number)> _planned = new();
    private long _number;
    private bool _isStopped;

    /// <summary>The time, in seconds.</summary>
    public double Now { get; private set; }

    /// <summary>Plans something.</summary>
    /// <param name="time">When, in seconds, not before <see cref="Now"/>.</param>
    /// <param name="what">What happens.</param>
    public void At(double time, Action what)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, Now);
        _planned.Enqueue(what, (time, _number++));
    }

    /// <summary>Plans something.</summary>
    /// <param name="seconds">How long from now, 0 or more.</param>
    /// <param name="what">What happens.</param>
    public void After(double seconds, Action what) => At(Now + seconds, what);

    /// <summary>Lets time pass until nothing is planned or <see cref="Stop"/> was called.</summary>
    public void Run()
    {
        while (!_isStopped && _planned.TryDequeue(out var what, out var when))
        {
            Now = when.Time;
            what();
        }
    }

    /// <summary>Nothing more happens.</summary>
    public void Stop() => _isStopped = true;
}

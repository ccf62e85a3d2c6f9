namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>Something that serves one at a time, first come first served.</summary>
/// <param name="clock">The time.</param>
internal sealed class Station(EventClock clock)
{
    private readonly LinkedList<Action<Action>> _queue = [];
    private bool _isBusy;
    private double _busy;
    private double _since;

    /// <summary>How long it has been serving, in seconds.</summary>
    public double BusySeconds => _busy + (_isBusy ? clock.Now - _since : 0);

    /// <summary>Waits for one's turn and is served.</summary>
    /// <param name="seconds">How long that takes.</param>
    /// <param name="served">What happens then, when the next one's turn has begun.</param>
    public void Enter(double seconds, Action served) => Enter(release => clock.After(seconds, () =>
    {
        release();
        served();
    }));

    /// <summary>Waits for one's turn.</summary>
    /// <param name="turn">The turn, which lasts until it calls what it is given.</param>
    public void Enter(Action<Action> turn)
    {
        _queue.AddLast(turn);
        Next();
    }

    /// <summary>Serves nobody for a while, behind the one that is being served.</summary>
    /// <param name="seconds">How long.</param>
    public void Pause(double seconds)
    {
        _queue.AddFirst(release => clock.After(seconds, release));
        Next();
    }

    private void Next()
    {
        if (_isBusy || _queue.First is not { } first)
        {
            return;
        }

        _queue.RemoveFirst();
        (_isBusy, _since) = (true, clock.Now);
        first.Value(() =>
        {
            _isBusy = false;
            _busy += clock.Now - _since;
            Next();
        });
    }
}

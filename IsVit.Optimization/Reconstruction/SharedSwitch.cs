namespace IsVit.Optimization.Reconstruction;

/// <summary>A switch of the whole process that several runs need on at times: it is as it was before when none does any more, in whatever order they begin and end.</summary>
/// <param name="read">Whether it is on.</param>
/// <param name="write">Switches it.</param>
internal sealed class SharedSwitch(Func<bool> read, Action<bool> write)
{
    private readonly object _gate = new();
    private int _users;
    private bool _before;

    /// <summary>Switches it on.</summary>
    public void Enter()
    {
        lock (_gate)
        {
            if (_users++ == 0)
            {
                _before = read();
                write(true);
            }
        }
    }

    /// <summary>Ends what <see cref="Enter"/> began.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            if (--_users == 0)
            {
                write(_before);
            }
        }
    }
}

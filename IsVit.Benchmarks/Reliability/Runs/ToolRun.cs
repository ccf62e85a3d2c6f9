using System.Diagnostics;
using System.Globalization;

namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary>A run of the tool as a process of its own, and what it has said.</summary>
internal sealed class ToolRun : IDisposable
{
    /// <summary>What a run does before its first stage, and once it has the model.</summary>
    public const string Reading = "(reading)", Saving = "(saving)", Reporting = "(reporting)";

    private readonly Process _process;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly List<string> _errors = [];
    private volatile string _phase = Reading;

    private ToolRun(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Hear(line.Data);
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text)
            {
                lock (_errors)
                {
                    _errors.Add(text);
                }
            }
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The stage that the run is in, or one of the words above.</summary>
    public string Phase => _phase;

    /// <summary>When each phase was first heard of.</summary>
    public List<(string Phase, TimeSpan At)> Phases { get; } = [(Reading, TimeSpan.Zero)];

    /// <summary>What the process returned.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>How long it ran.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>What it wrote to the error stream.</summary>
    public string Error
    {
        get
        {
            lock (_errors)
            {
                return string.Join('\n', _errors);
            }
        }
    }

    /// <summary>The process's number.</summary>
    public int Id => _process.Id;

    /// <summary>Starts a run.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="limiter">The program that starts it, with its arguments; nothing for none.</param>
    public static ToolRun Start(IEnumerable<string> arguments, params IReadOnlyList<string> limiter)
    {
        var start = Child.Program("isvit.dll", arguments);
        return new ToolRun(limiter.Count == 0 ? start : Child.Within(start, limiter));
    }

    /// <summary>Waits until a phase has begun.</summary>
    /// <param name="phase">The phase.</param>
    /// <returns>False if the run ended before.</returns>
    public bool WaitFor(string phase)
    {
        while (!Has(phase))
        {
            if (_process.WaitForExit(1))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits for some time.</summary>
    /// <param name="time">The time.</param>
    /// <returns>False if the run ended before.</returns>
    public bool Wait(TimeSpan time) => !_process.WaitForExit((int)time.TotalMilliseconds);

    /// <summary>Ends it as kill -9 does.</summary>
    public void Kill()
    {
        _process.Kill();
        Finish();
    }

    /// <summary>Sends it a signal.</summary>
    /// <param name="signal">Its name.</param>
    public void Send(string signal) => Permissions.Run("kill", "-s", signal, _process.Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>Waits for its end.</summary>
    /// <exception cref="TimeoutException">It does not end.</exception>
    public ToolRun Finish()
    {
        if (!_process.WaitForExit(TimeSpan.FromMinutes(15)))
        {
            _process.Kill();
            throw new TimeoutException($"The run did not end within a quarter of an hour; it was in {Phase}.");
        }

        _process.WaitForExit();
        Duration = _clock.Elapsed;
        return this;
    }

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private bool Has(string phase)
    {
        lock (Phases)
        {
            return Phases.Exists(entry => entry.Phase == phase);
        }
    }

    // Lines of progress are 'isvit W4A4: stage, unit, share %, time left'.
    private void Hear(string? line)
    {
        if (line is null)
        {
            return;
        }

        if (line.StartsWith("saved ", StringComparison.Ordinal))
        {
            Enter(Reporting);
        }
        else if (line.Contains(" 100.0 %", StringComparison.Ordinal))
        {
            Enter(Saving);
        }
        else if (line.StartsWith("isvit ", StringComparison.Ordinal) && line.Contains(" %", StringComparison.Ordinal) && line.Split(": ") is [_, var rest, ..])
        {
            Enter(rest.Split(',')[0]);
        }
    }

    private void Enter(string phase)
    {
        lock (Phases)
        {
            if (Phases[^1].Phase != phase)
            {
                Phases.Add((phase, _clock.Elapsed));
                _phase = phase;
            }
        }
    }
}

namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary>What a run that nobody disturbs does.</summary>
/// <param name="Hash">The hash of its model.</param>
/// <param name="Phases">Its phases, with when each began.</param>
/// <param name="Duration">How long it takes.</param>
internal sealed record UndisturbedRun(string Hash, IReadOnlyList<(string Phase, TimeSpan At)> Phases, TimeSpan Duration)
{
    /// <summary>Runs it, twice.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="InvalidOperationException">A run failed, or the two differ.</exception>
    public static UndisturbedRun Of(ToolInputs inputs, string model)
    {
        string? hash = null;
        ToolRun? last = null;
        for (var i = 0; i < 2; i++)
        {
            var output = Path.Combine(inputs.Folder, "undisturbed");
            using var run = ToolRun.Start(inputs.Quantize(model, output)).Finish();
            var found = ToolInputs.HashIn(output);
            if (run.ExitCode != 0 || found is null || (hash ?? found) != found)
            {
                throw new InvalidOperationException($"A run that nobody disturbed ended with {run.ExitCode}, and model {found} after {hash}: {run.Error}");
            }

            Directory.Delete(output, recursive: true);
            (hash, last) = (found, run);
        }

        return new(hash!, last!.Phases, last.Duration);
    }

    /// <summary>A random instant: of all time, or of a phase.</summary>
    /// <param name="random">Chooses it.</param>
    /// <param name="phase">The index of the phase; null for all time.</param>
    /// <returns>The phase to wait for, and how long from there.</returns>
    public (string Phase, TimeSpan After) Instant(Random random, int? phase)
    {
        if (phase is not { } index)
        {
            return (ToolRun.Reading, random.NextDouble() * Duration);
        }

        var end = index + 1 < Phases.Count ? Phases[index + 1].At : Duration;
        return (Phases[index].Phase, random.NextDouble() * (end - Phases[index].At));
    }
}

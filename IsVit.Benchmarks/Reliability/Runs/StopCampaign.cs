using System.Globalization;

namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary>
/// <c>reliability stop</c>: runs of the tool that are stopped, or whose disk, folder or rights go, at random instants. The model's name never stands for half a file, the process says in a line or two what is
/// wrong, and the same command, once that is undone, ends at the model of a run that nobody disturbed.
/// </summary>
internal static class StopCampaign
{
    private const int MostLines = 3;

    /// <summary>Runs it.</summary>
    /// <param name="args">How many of each kind, 12 if not given, and the seed of the instants.</param>
    public static int Run(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 12;
        var random = new Random(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 27);
        var faults = 0;
        using var inputs = new ToolInputs();
        var model = ToolInputs.Models[0];
        var expected = UndisturbedRun.Of(inputs, model);
        Console.WriteLine("| what happens | runs | ended by it | exit codes | same model afterwards | faults | what it says |");
        Console.WriteLine("|---|--:|--:|---|--:|--:|---|");
        foreach (var disturbance in Disturbances.All)
        {
            var outcome = new Outcome();
            for (var i = 0; i < count; i++)
            {
                var folder = Path.Combine(inputs.Folder, "runs");
                Directory.CreateDirectory(folder);
                try
                {
                    if (!disturbance.Prepare(folder, random))
                    {
                        outcome.Message = "not possible on this machine";
                        break;
                    }

                    One(inputs, model, expected, disturbance, folder, random, i, outcome);
                }
                finally
                {
                    disturbance.CleanUp(folder);
                    Directory.Delete(folder, recursive: true);
                }
            }

            faults += outcome.Faults;
            Console.WriteLine(FormattableString.Invariant(
                $"| {disturbance.Name} | {outcome.Runs} | {outcome.Ended} | {string.Join(", ", outcome.Codes.Select(static entry => FormattableString.Invariant($"{entry.Key}: {entry.Value}")))} | {outcome.Same} | {outcome.Faults} | {outcome.Message.Replace(inputs.Folder, "", StringComparison.Ordinal)} |"));
        }

        return faults == 0 ? 0 : 1;
    }

    private static void One(ToolInputs inputs, string model, UndisturbedRun expected, Disturbance disturbance, string folder, Random random, int index, Outcome outcome)
    {
        var output = Path.Combine(folder, "out");
        var arguments = inputs.Quantize(model, output);
        using (var run = ToolRun.Start(arguments, disturbance.Limiter))
        {
            var (phase, after) = expected.Instant(random, random.Next(2) == 0 ? null : (index * 5) % expected.Phases.Count);
            if (run.WaitFor(phase))
            {
                run.Wait(after);
            }

            var at = run.Phase;
            disturbance.Disturb(run, folder);
            run.Finish();
            outcome.Runs++;
            outcome.Codes[run.ExitCode] = outcome.Codes.GetValueOrDefault(run.ExitCode) + 1;
            outcome.Ended += run.ExitCode == 0 ? 0 : 1;
            var lines = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            if (run.ExitCode != 0 && !disturbance.ExitCodes.Contains(run.ExitCode))
            {
                outcome.Fault($"in {at}: ended with {run.ExitCode}: {run.Error}");
            }
            else if (run.ExitCode != 0 && (lines.Length is 0 or > MostLines || run.Error.Contains("a defect", StringComparison.Ordinal) || run.Error.Contains("   at ", StringComparison.Ordinal)))
            {
                // A process that is told to end before it listens says nothing.
                if (lines.Length > 0 || at != ToolRun.Reading)
                {
                    outcome.Fault($"in {at}: says: {run.Error}");
                }
            }
            else if (run.ExitCode != 0 && lines.Length > 0)
            {
                outcome.Message = $"{at}: {string.Join(" / ", lines)}";
            }

            if (ToolInputs.HashIn(output) is { } found && found != expected.Hash)
            {
                outcome.Fault($"in {at}: a file of another content has the model's name");
            }
        }

        disturbance.Undo(folder);
        if (ToolInputs.HashIn(output) is { } half && half != expected.Hash)
        {
            outcome.Fault("a file of another content has the model's name");
        }

        // As the same user.
        using var again = ToolRun.Start(arguments, disturbance.Limiter).Finish();
        if (again.ExitCode == 0 && ToolInputs.HashIn(output) == expected.Hash)
        {
            outcome.Same++;
        }
        else
        {
            outcome.Fault($"done again, ended with {again.ExitCode}: {again.Error}");
        }
    }

    private sealed class Outcome
    {
        public int Runs { get; set; }

        public int Ended { get; set; }

        public int Same { get; set; }

        public int Faults { get; private set; }

        public string Message { get; set; } = "";

        public SortedDictionary<int, int> Codes { get; } = [];

        public void Fault(string what)
        {
            if (Faults++ < 3)
            {
                Console.WriteLine($"FAULT {what}");
            }
        }
    }
}

using System.Globalization;

namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary><c>reliability kill</c>: runs of the tool killed at random instants, half of them in a stage that is chosen first, and resumed until they end: the model must be that of a run that nobody killed.</summary>
internal static class KillCampaign
{
    /// <summary>Runs it.</summary>
    /// <param name="args">How many kills, 100 if not given, and the seed of the instants.</param>
    public static int Run(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 100;
        var random = new Random(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 26);
        var hits = new Dictionary<string, int>(StringComparer.Ordinal);
        var (kills, runs, same, faults, litter) = (0, 0, 0, 0, 0);
        using var inputs = new ToolInputs();
        var undisturbed = ToolInputs.Models.ToDictionary(static model => model, model => UndisturbedRun.Of(inputs, model), StringComparer.Ordinal);
        foreach (var (model, run) in undisturbed)
        {
            Console.WriteLine(FormattableString.Invariant($"{model}: {run.Duration.TotalSeconds:F1} s, {run.Phases.Count} phases, {run.Hash[..12]}"));
        }

        for (var round = 0; kills < count; round++)
        {
            var model = ToolInputs.Models[round % ToolInputs.Models.Count];
            var expected = undisturbed[model];
            var output = Path.Combine(inputs.Folder, string.Create(CultureInfo.InvariantCulture, $"out{round}"));
            var arguments = inputs.Quantize(model, output);
            for (var kill = true; ; kill = kills < count && random.Next(3) == 0)
            {
                using var run = ToolRun.Start(arguments);
                if (kill)
                {
                    var (phase, after) = expected.Instant(random, random.Next(2) == 0 ? null : kills % expected.Phases.Count);
                    if (run.WaitFor(phase) && run.Wait(after))
                    {
                        run.Kill();
                        kills++;
                        hits[run.Phase] = hits.GetValueOrDefault(run.Phase) + 1;
                        if (ToolInputs.HashIn(output) is { } found && found != expected.Hash)
                        {
                            Console.WriteLine($"FAULT round {round}: killed in {run.Phase}, and a file of another content has the model's name");
                            faults++;
                        }

                        continue;
                    }
                }

                run.Finish();
                runs++;
                if (run.ExitCode != 0 || ToolInputs.HashIn(output) != expected.Hash)
                {
                    Console.WriteLine($"FAULT round {round}: ended with {run.ExitCode}, {(ToolInputs.HashIn(output) is null ? "no model" : "another model")}: {run.Error}");
                    faults++;
                }
                else
                {
                    same++;
                }

                break;
            }

            var left = Directory.GetFileSystemEntries(inputs.Folder).Where(entry => Path.GetFileName(entry).StartsWith(Path.GetFileName(output) + ".", StringComparison.Ordinal)).ToList();
            litter += left.Count;
            if (left.Count > 0 && litter < 5)
            {
                Console.WriteLine($"left behind: {string.Join(", ", left.SelectMany(static entry => Directory.Exists(entry) ? Directory.GetFileSystemEntries(entry, "*", SearchOption.AllDirectories).Prepend(entry) : [entry]).Select(Path.GetFileName))}");
            }
        }

        foreach (var phase in undisturbed.Values.SelectMany(static run => run.Phases).Select(static entry => entry.Phase).Distinct().Where(phase => !hits.ContainsKey(phase)))
        {
            Console.WriteLine($"not hit: {phase}");
        }

        Console.WriteLine($"kills by phase: {string.Join(", ", hits.OrderByDescending(static entry => entry.Value).Select(static entry => FormattableString.Invariant($"{entry.Key} {entry.Value}")))}");
        Console.WriteLine(FormattableString.Invariant($"{kills} kills in {runs} runs, {same} models as undisturbed, {faults} faults, {litter} folders left behind"));
        return faults == 0 && litter == 0 ? 0 : 1;
    }
}

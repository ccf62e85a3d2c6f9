using System.Diagnostics;
using System.Globalization;
using IsVit.Model;
using IsVit.Tests.Runtime;

namespace IsVit.Benchmarks.Runtime;

/// <summary>Loads saved models that were damaged in many ways; the generator is that of the tests.</summary>
internal static class DamagedFiles
{
    /// <summary>Damages each of some files so many times in all.</summary>
    /// <param name="args">The count, and small saved models.</param>
    public static int Run(ReadOnlySpan<string> args)
    {
        if (args.Length < 2 || !int.TryParse(args[0], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            Console.Error.WriteLine("mutations <count> <file>...: saved models, small ones.");
            return 2;
        }

        var faults = 0;
        foreach (var file in args[1..])
        {
            var watch = Stopwatch.StartNew();
            var path = Path.GetTempFileName();
            try
            {
                ModelFileMutations mutations;
                try
                {
                    mutations = new ModelFileMutations(File.ReadAllBytes(file), path, seed: count);
                }
                catch (IsVitException error)
                {
                    Console.WriteLine($"{Path.GetFileName(file)}: skipped, for it does not load whole: {error.Message}");
                    continue;
                }

                for (var i = 0; i < count / (args.Length - 1); i++)
                {
                    if (mutations.Try() is { } fault && faults++ < 10)
                    {
                        Console.WriteLine(fault);
                    }
                }

                Console.WriteLine(FormattableString.Invariant($"{Path.GetFileName(file)}: {string.Join(", ", mutations.Outcomes.Select(static outcome => FormattableString.Invariant($"{outcome.Key} {outcome.Value}")))}; {watch.Elapsed.TotalSeconds:F0} s"));
            }
            finally
            {
                File.Delete(path);
            }
        }

        Console.WriteLine(FormattableString.Invariant($"{faults} faults"));
        return faults == 0 ? 0 : 1;
    }
}

using System.Diagnostics;
using System.Globalization;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>
/// <c>reliability mutations</c>: files of every kind that is read, damaged, each read in a process with limits: within a second, refused with an error of the library or read as what they say. A process
/// that ends or hangs is a fault of the mutation that it was at; the next one goes on behind it.
/// </summary>
internal static class MutationCampaign
{
    private const long Part = 20_000;
    private const int MostCrashes = 5;

    // Of a process: memory that it may write to, and its managed heap. An image of the most pixels takes 358 MB.
    private const string DataLimit = "2500000000";
    private const string HeapLimit = "0x40000000";

    // Without a step: time of the processor, and time of a clock on a machine that does much else.
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_wait = TimeSpan.FromMinutes(10);

    /// <summary>Runs it.</summary>
    /// <param name="args">The share of the counts, and the kinds; all if none is given.</param>
    public static int Run(string[] args)
    {
        var share = 1.0;
        if (args.Length > 0 && !double.TryParse(args[0], NumberStyles.Float, CultureInfo.InvariantCulture, out share))
        {
            Console.Error.WriteLine("reliability mutations [share] [kind]...");
            return 2;
        }

        var kinds = args.Length > 1 ? [.. args[1..].Select(MutationKinds.Find)] : MutationKinds.All;
        Console.WriteLine("| kind | mutations | refused | loaded | faults | crashes | slowest ms | managed MB at most | resident MB | s |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        var (all, wrong) = (0L, 0L);
        foreach (var kind in kinds)
        {
            var count = Math.Max(1, (long)(kind.Count * share));
            all += count;
            wrong += Run(kind.Name, count);
        }

        Console.WriteLine(FormattableString.Invariant($"{all} mutations, {wrong} faults"));
        return wrong == 0 ? 0 : 1;
    }

    private static long Run(string kind, long count)
    {
        var path = Path.GetTempFileName();
        File.Delete(path);
        try
        {
            using var record = new MutationRecord(path);
            var (crashes, clock) = (0L, Stopwatch.StartNew());
            for (var next = 0L; next < count && crashes < MostCrashes;)
            {
                if (Run(kind, next, Math.Min(Part, count - next), path, record) is { } crash)
                {
                    Console.WriteLine(FormattableString.Invariant($"FAULT {kind} {record.Current}: {crash}"));
                    crashes++;
                    record.Current++;
                }

                next = record.Current;
            }

            Console.WriteLine(FormattableString.Invariant(
                $"| {kind} | {record.Current} | {record.Refused} | {record.Loaded} | {record.Faults} | {crashes} | {record.Slowest / 1000.0:F0} | {record.Allocated / 1e6:F1} | {record.Resident / 1e6:F0} | {clock.Elapsed.TotalSeconds:F0} |"));
            return record.Faults + crashes;
        }
        finally
        {
            File.Delete(path);
        }
    }

    // Null if the process came to its end; else how it did not.
    private static string? Run(string kind, long first, long count, string path, MutationRecord record)
    {
        var start = Child.Within(Child.Part(MutationWorker.Name, kind, first.ToString(CultureInfo.InvariantCulture), count.ToString(CultureInfo.InvariantCulture), path), "prlimit", $"--data={DataLimit}", "--core=0");
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;
        start.Environment["DOTNET_GCHeapCount"] = "1";
        record.IsReady = 0;
        using var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, line) => Show(line.Data);
        var errors = new List<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text && errors.Count < 30)
            {
                errors.Add(text);
            }
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var (seen, since, used) = (-1L, Stopwatch.StartNew(), TimeSpan.Zero);
        while (!process.WaitForExit(200))
        {
            if (record.Current != seen || record.IsReady == 0)
            {
                (seen, since, used) = (record.Current, Stopwatch.StartNew(), Used(process));
            }
            else if (Used(process) - used > s_hang || since.Elapsed > s_wait)
            {
                process.Kill();
                process.WaitForExit();
                return FormattableString.Invariant($"no end within {s_hang.TotalSeconds:F0} s");
            }
        }

        process.WaitForExit();
        return process.ExitCode == 0 && record.Current == first + count ? null : FormattableString.Invariant($"the process ended with {process.ExitCode}: {string.Join(" / ", errors.Take(8))}");
    }

    private static TimeSpan Used(Process process)
    {
        try
        {
            return process.TotalProcessorTime;
        }
        catch (InvalidOperationException)
        {
            // It has ended.
            return TimeSpan.Zero;
        }
    }

    private static void Show(string? line)
    {
        if (line is not null)
        {
            Console.WriteLine(line);
        }
    }
}

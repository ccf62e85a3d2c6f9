using System.Globalization;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Reads damaged files of one kind, in a process that may end at any of them.</summary>
internal static class MutationWorker
{
    /// <summary>The part's name.</summary>
    public const string Name = "mutations-of";

    private const int MostShown = 3;
    private const int MostLines = 12;
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(1);

    /// <summary>Reads them.</summary>
    /// <param name="args">The kind, the first mutation, how many, and the file of the record.</param>
    public static int Run(string[] args)
    {
        var (kind, first, count) = (args[0], long.Parse(args[1], CultureInfo.InvariantCulture), long.Parse(args[2], CultureInfo.InvariantCulture));
        using var record = new MutationRecord(args[3]);
        using var target = MutationKinds.Find(kind).Create();
        for (var which = 0; which < target.Whole.Count; which++)
        {
            // Twice: what is made once and kept is no part of what a file asks for.
            target.Read(target.Whole[which], which, isSealed: false);
            target.Read(target.Whole[which], which, isSealed: false);
        }

        record.IsReady = 1;
        for (var i = first; i < first + count; i++)
        {
            record.Current = i;
            var random = new Random(unchecked((int)((i * 2_654_435_761) ^ (i >> 32))));
            var which = random.Next(target.Whole.Count);
            var file = target.Damage(which, random, out var isSealed);
            if (file.AsSpan().SequenceEqual(target.Whole[which]))
            {
                isSealed = false;
            }

            if (Try(target, file, which, isSealed, record) is { } fault)
            {
                if (record.Faults++ < MostShown)
                {
                    Console.WriteLine(FormattableString.Invariant($"FAULT {kind} {i}: {string.Join(" / ", fault.Split('\n').Take(MostLines))}"));
                    Keep(kind, i, file);
                }
            }
        }

        record.Current = first + count;
        record.Resident = Math.Max(record.Resident, ResidentMemory.Peak);
        return 0;
    }

    private static string? Try(Target target, byte[] file, int which, bool isSealed, MutationRecord record)
    {
        var fault = Once(target, file, which, isSealed, record, out var elapsed, out var isLoaded);

        // Time of the processor: other processes have it as well. What is compiled or collected meanwhile counts once.
        for (var again = 0; again < 2 && elapsed > s_most; again++)
        {
            Once(target, file, which, isSealed, record, out var other, out _);
            elapsed = other < elapsed ? other : elapsed;
        }

        record.Slowest = Math.Max(record.Slowest, (long)elapsed.TotalMicroseconds);
        if (elapsed > s_most)
        {
            fault ??= FormattableString.Invariant($"took {elapsed.TotalSeconds:F2} s");
        }

        if (isLoaded)
        {
            record.Loaded++;
        }
        else if (fault is null)
        {
            record.Refused++;
        }

        return fault;
    }

    private static string? Once(Target target, byte[] file, int which, bool isSealed, MutationRecord record, out TimeSpan elapsed, out bool isLoaded)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Environment.CpuUsage.TotalTime;
        string? fault = null;
        isLoaded = false;
        try
        {
            target.Read(file, which, isSealed);
            isLoaded = true;
        }
        catch (WrongLoadException error)
        {
            fault = $"wrong load: {error.Message}";
        }
        catch (Exception error) when (target.Refuses(error))
        {
        }
#pragma warning disable CA1031 // What else comes is what is looked for.
        catch (Exception error)
#pragma warning restore CA1031
        {
            fault = error.ToString();
        }

        elapsed = Environment.CpuUsage.TotalTime - clock;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        record.Allocated = Math.Max(record.Allocated, allocated);
        return allocated > target.MostAllocated(file.Length, which) ? fault ?? FormattableString.Invariant($"{allocated} bytes were allocated for a file of {file.Length}") : fault;
    }

    private static void Keep(string kind, long index, byte[] file)
    {
        if (Environment.GetEnvironmentVariable("ISVIT_KEEP_FAULTS") is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{kind}-{index}")), file);
        }
    }
}

using System.Globalization;
using IsVit.Benchmarks.Cluster.Simulation;

namespace IsVit.Benchmarks.Cluster;

/// <summary>Simulates clusters of up to a thousand workers with jobs of different lengths, with the times that were measured: how well workers are used, and what is the bound.</summary>
internal static class ClusterSimulation
{
    private const int JobsPerWorker = 20;

    private static readonly int[] s_workers = [1, 10, 100, 1000];
    private static readonly double[] s_lengths = [2, 20, 200, 2000];
    private static readonly (double Kills, double Hangs, double Poison)[] s_failures = [(0, 0, 0), (0.01, 0, 0), (0.1, 0, 0), (1, 0, 0), (0, 0.01, 0), (0, 0, 0.01)];

    /// <summary>Simulates and prints tables.</summary>
    /// <param name="args">The seed; 0 if not given.</param>
    /// <returns>The exit code: 1 if a job was lost or done twice.</returns>
    public static int Run(ReadOnlySpan<string> args)
    {
        var seed = 0;
        if (args.Length > 1 || (args.Length == 1 && !int.TryParse(args[0], NumberStyles.None, CultureInfo.InvariantCulture, out seed)))
        {
            Console.Error.WriteLine("simulation [seed]");
            return 2;
        }

        var isRight = true;
        var times = MeasuredTimes.PostgreSql;
        Console.WriteLine("Without failures:\n");
        Head();
        foreach (var (workers, length) in Sizes())
        {
            isRight &= Row(Settings(workers, length, times, seed));
        }

        Console.WriteLine("\nWithout files, 1000 workers, so that calls and writes are the bound; and as before, with a scheduler that does nothing else while it lends a job or looks after running ones, and writes the queue in every round in which a job has ended:\n");
        Head();
        foreach (var before in new[] { false, true })
        {
            foreach (var length in new[] { 16.0, 8, 4, 2, 1 })
            {
                isRight &= Row(Settings(1000, length, times, seed) with { UnitBytes = 0, ResultBytes = 0, InputBytes = 0, OneCallAtATime = before, QueueWriteShare = before ? 0 : 1.0 / 16 }, before ? " before" : "");
            }
        }

        Console.WriteLine("\n1000 workers, 1500 jobs, and jobs that wait meanwhile and fit no worker; a worker that asks while no other job waits has them looked at one by one, or not at all:\n");
        Console.WriteLine("| jobs that do not fit | looked at | s a job | makespan over lower bound | scheduler % |");
        Console.WriteLine("|--:|---|--:|--:|--:|");
        foreach (var (unfit, scanned) in new[] { (10_000, true), (10_000, false), (100_000, true), (100_000, false) })
        {
            var result = SimulatedCluster.Run(Settings(1000, 200, times with { ScannedJob = scanned ? MeasuredTimes.ScannedJob : 0 }, seed) with { Jobs = 1500, Unfit = unfit });
            isRight &= IsRight(result);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {unfit} | {(scanned ? "one by one" : "no")} | 200 | {result.Makespan / result.LowerBound:F3} | {100 * result.SchedulerSeconds / result.Makespan:F1} |"));
        }

        Console.WriteLine("\nFailures, 1000 workers (a killed process is back after 60 s; a job that hangs is stopped after 1800 s):\n");
        Console.WriteLine("| s a job | killed a worker and hour | hangs a job and hour | jobs that always fail % | utilization | makespan over lower bound | killed | computed in vain % | failed for good, expected | without a reason |");
        Console.WriteLine("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (var length in new[] { 20.0, 200, 2000 })
        {
            foreach (var (kills, hangs, poison) in s_failures)
            {
                var settings = Settings(1000, length, times, seed) with { KillsPerHour = kills, HangsPerHour = hangs, Poison = poison };
                var result = SimulatedCluster.Run(settings);
                isRight &= IsRight(result);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {length} | {kills} | {hangs} | {100 * poison} | {result.Utilization:F3} | {result.Makespan / result.LowerBound:F3} | {result.Kills} | {100 * result.Lost / (settings.Workers * result.Makespan):F3} | {result.Poison} | {result.Failed.Sum() - result.Poison} |"));
            }
        }

        Console.WriteLine("\nWhere the content store saturates, 1000 workers:\n");
        Head();
        foreach (var length in new[] { 100.0, 64, 50, 32, 16 })
        {
            isRight &= Row(Settings(1000, length, times, seed));
        }

        Console.WriteLine("\nThe same with SQLite's times, which a cluster of one process has:\n");
        Head();
        foreach (var (workers, length) in Sizes().Where(static size => size.Workers is 10 or 100))
        {
            isRight &= Row(Settings(workers, length, MeasuredTimes.Sqlite, seed));
        }

        return isRight ? 0 : 1;
    }

    private static IEnumerable<(int Workers, double Length)> Sizes() => s_workers.SelectMany(static workers => s_lengths.Select(length => (workers, length)));

    private static SimulationSettings Settings(int workers, double length, ServiceTimes times, int seed) => new() { Workers = workers, Jobs = JobsPerWorker * workers, JobSeconds = length, Times = times, Seed = seed };

    private static void Head()
    {
        Console.WriteLine("| workers | s a job | utilization | while jobs wait | makespan over lower bound | to begin a job, ms | of 99 %, ms | to hand in, ms | scheduler % | database % | content store % | writes/s | MB/s |");
        Console.WriteLine("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    }

    private static bool Row(SimulationSettings settings, string note = "")
    {
        var result = SimulatedCluster.Run(settings);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {settings.Workers}{note} | {settings.JobSeconds} | {result.Utilization:F3} | {result.SteadyUtilization:F3} | {result.Makespan / result.LowerBound:F3} | {1000 * result.Begin:F1} | {1000 * result.BeginP99:F1} | {1000 * result.HandIn:F1} | {100 * result.SchedulerLoad:F1} | {100 * result.DatabaseLoad:F1} | {100 * result.ContentLoad:F1} | {result.Writes / result.Makespan:F1} | {result.ContentBytes / result.Makespan / 1e6:F1} |"));
        return IsRight(result);
    }

    private static bool IsRight(SimulationResult result)
    {
        var isRight = result.Utilization <= 1 && result.Makespan >= result.LowerBound && Enumerable.Range(0, result.Done.Count).All(i => result.Done[i] + result.Failed[i] == 1);
        if (!isRight)
        {
            Console.Error.WriteLine("A job was lost or ended twice, or more was computed than there was time.");
        }

        return isRight;
    }
}

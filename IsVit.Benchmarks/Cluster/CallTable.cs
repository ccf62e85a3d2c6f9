using System.Diagnostics;
using System.Globalization;

namespace IsVit.Benchmarks.Cluster;

/// <summary>Times calls, one after the other or several at once, and prints a line for each kind.</summary>
internal static class CallTable
{
    private const int WarmUp = 20;

    /// <summary>Prints the head of a table.</summary>
    public static void Begin()
    {
        Console.WriteLine("| call | at once | calls | median ms | p90 ms | calls/s | processor ms a call |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|");
    }

    /// <summary>Times calls.</summary>
    /// <param name="name">What is called.</param>
    /// <param name="count">How often; the first few are not counted.</param>
    /// <param name="atOnce">How many callers, each with its next call when the last is answered.</param>
    /// <param name="call">The call by its number.</param>
    public static async Task MeasureAsync(string name, int count, int atOnce, Func<int, Task> call)
    {
        var warmUp = Math.Min(WarmUp, count / 4);
        for (var i = 0; i < warmUp; i++)
        {
            await call(i);
        }

        var (times, next) = (new double[count - warmUp], warmUp);
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next) - 1) < count;)
            {
                var started = Stopwatch.GetTimestamp();
                await call(i);
                times[i - warmUp] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
        })));
        var seconds = clock.Elapsed.TotalSeconds;
        var processor = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalMilliseconds / times.Length;
        Array.Sort(times);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {atOnce} | {times.Length} | {times[times.Length / 2]:F3} | {times[times.Length * 9 / 10]:F3} | {times.Length / seconds:F0} | {processor:F3} |"));
    }
}

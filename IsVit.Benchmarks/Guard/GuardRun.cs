using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using IsVit.Core.Memory;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Benchmarks.Guard;

/// <summary>Measures every guarded ratio, compares it with its committed threshold, and prints a table.</summary>
internal static class GuardRun
{
    private const int Pairs = 5;
    private const int PairsNearTheLine = 25;

    // Of the blocks that glibc's malloc takes from the system one by one, until it raises that by itself.
    private const int SizeWhenAProcessStarts = 128 << 10;

    /// <summary>Runs the checks whose names hold a text; all if it is null.</summary>
    /// <returns>The exit code: 1 when a ratio falls short.</returns>
    public static int Run(string? filter)
    {
        var clock = Stopwatch.StartNew();
        var thresholds = Threshold.Read();
        Console.WriteLine($"{Machine()}");
        Console.WriteLine();
        Console.WriteLine("| check | baseline ms | subject ms | ratio | threshold | |");
        Console.WriteLine("|---|--:|--:|--:|--:|---|");
        var failures = 0;
        foreach (var check in GuardChecks.Cpu().Concat(torch.cuda.is_available() ? GuardChecks.Cuda() : []))
        {
            if (filter is null || check.Name.Contains(filter, StringComparison.OrdinalIgnoreCase))
            {
                failures += Measure(check, thresholds[check.Name]) ? 0 : 1;
            }
        }

        Console.WriteLine();
        if (!torch.cuda.is_available())
        {
            Console.WriteLine("Without a CUDA device its checks are left out.");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(failures == 0 ? "Every ratio holds" : $"{failures} ratio(s) fall short")}, in {clock.Elapsed.TotalSeconds:F0} s."));
        return failures == 0 ? 0 : 1;
    }

    private static bool Measure(GuardCheck check, Threshold threshold)
    {
        _ = check.Heap == HeapState.Kept ? NativeHeap.KeepLargeBlocks() : NativeHeap.ReturnLargeBlocks(SizeWhenAProcessStarts);
        var pair = check.Prepare();
        using var work = pair.Work;
        var times = new PairedTimes(pair);
        times.WarmUp();
        times.Take(Pairs);
        while (times.Count < PairsNearTheLine && (threshold.IsNear(times.Ratio(threshold)) || !threshold.Holds(times.Ratio(threshold))))
        {
            times.Take(Pairs);
        }

        var ratio = times.Ratio(threshold);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {check.Name} | {times.Baseline:F2} | {times.Subject:F2} | {ratio:F2} | {threshold} | {(threshold.Holds(ratio) ? "ok" : "**short**")} |"));
        return threshold.Holds(ratio);
    }

    private static string Machine()
    {
        var device = torch.cuda.is_available() ? ", a CUDA device" : "";
        return $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} processors with vectors of {(int)VectorWidths.Widest} bits, {torch.get_num_threads()} libtorch threads{device}, {RuntimeInformation.FrameworkDescription}.";
    }
}

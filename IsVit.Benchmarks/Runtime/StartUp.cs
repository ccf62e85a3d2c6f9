using System.Diagnostics;
using System.Globalization;

namespace IsVit.Benchmarks.Runtime;

/// <summary>From the start of a process to its first answer, and the memory that it has then: each engine in processes of its own, taken in turns.</summary>
internal static class StartUp
{
    private const int Rounds = 15;
    private const int Threads = 2;

    /// <summary>Measures engines and prints a table whose first row is what the others are compared with.</summary>
    /// <param name="args">Models: ONNX files, which ONNX Runtime computes, and saved ones; a program compiled ahead of time is given as its path, a saved model and a picture joined by commas, and is told to say its memory by <c>--time</c>.</param>
    public static int Run(ReadOnlySpan<string> args)
    {
        if (args.IsEmpty)
        {
            Console.Error.WriteLine("start <float.onnx> [<model.onnx> | <quantized.safetensors> | <program>,<quantized.safetensors>,<picture.ppm>] ...");
            return 2;
        }

        var engines = args.ToArray();
        var figures = engines.Select(static _ => new List<(double Milliseconds, double Megabytes)>()).ToList();
        for (var round = 0; round <= Rounds; round++)
        {
            for (var i = 0; i < engines.Length; i++)
            {
                // The first round brings the files into the system's cache.
                var figure = Start(engines[i]);
                if (round > 0)
                {
                    figures[i].Add(figure);
                }
            }
        }

        Console.WriteLine(FormattableString.Invariant($"| engine | first answer, ms: median | least | in parts of the first | resident, MB | in parts of the first |\n|---|--:|--:|--:|--:|--:|"));
        var (time, memory) = (Median(figures[0].Select(static f => f.Milliseconds)), Median(figures[0].Select(static f => f.Megabytes)));
        for (var i = 0; i < engines.Length; i++)
        {
            var (ownTime, ownMemory) = (Median(figures[i].Select(static f => f.Milliseconds)), Median(figures[i].Select(static f => f.Megabytes)));
            Console.WriteLine(FormattableString.Invariant($"| {engines[i]} | {ownTime:F0} | {figures[i].Min(static f => f.Milliseconds):F0} | {ownTime / time:F2} | {ownMemory:F0} | {ownMemory / memory:F2} |"));
        }

        return 0;
    }

    private static (double Milliseconds, double Megabytes) Start(string engine)
    {
        var parts = engine.Split(',');
        var (program, arguments) = parts is [var path, var model, var picture]
            ? (path, [model, picture, "--time"])
            : (Environment.ProcessPath!, (string[])[StartedEngine.Name, engine, Threads.ToString(CultureInfo.InvariantCulture)]);
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        var clock = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"'{engine}' gave no answer.");
        var time = Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
        var last = process.StandardOutput.ReadToEnd().Split('\n').Last(static line => line.EndsWith("MB resident", StringComparison.Ordinal));
        process.WaitForExit();
        return (time, double.Parse(last.Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture));
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}

using System.Diagnostics;
using System.Globalization;
using IsVit.Runtime;

namespace IsVit.Benchmarks.Runtime;

/// <summary>Many images from eight threads at once: the answers stay the same, and memory stays flat.</summary>
internal static class Soak
{
    private const int Threads = 8;
    private const int Pictures = 16;
    private const int Parts = 10;

    // Of the second tenth; the first warms up.
    private const double MostGrowth = 1.1;

    /// <summary>Predicts images.</summary>
    /// <param name="args">A saved model, and how many images; 20,000 if not given.</param>
    public static int Run(ReadOnlySpan<string> args)
    {
        var count = 20_000;
        if (args.Length is < 1 or > 2 || (args.Length == 2 && !int.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out count)))
        {
            Console.Error.WriteLine("soak <file> [images]: a saved model.");
            return 2;
        }

        var model = RuntimeModel.Load(args[0]);
        var random = new Random(1);
        var images = Enumerable.Range(0, Pictures).Select(_ => Enumerable.Range(0, model.InputLength).Select(_ => (float)((random.NextDouble() * 4) - 2)).ToArray()).ToArray();
        var expected = Array.ConvertAll(images, image => model.Predict(image));
        var (wrong, second, last) = (0, 0L, 0L);
        for (var part = 0; part < Parts; part++)
        {
            var next = 0;
            var watch = Stopwatch.StartNew();
            var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
            {
                var outputs = new float[model.OutputWidth];
                for (var image = Interlocked.Increment(ref next); image <= count / Parts; image = Interlocked.Increment(ref next))
                {
                    model.Predict(images[image % Pictures], outputs);
                    if (!outputs.AsSpan().SequenceEqual(expected[image % Pictures]))
                    {
                        Interlocked.Increment(ref wrong);
                    }
                }
            })).ToList();
            threads.ForEach(static thread => thread.Start());
            threads.ForEach(static thread => thread.Join());
            last = Environment.WorkingSet;
            second = part == 1 ? last : second;
            Console.WriteLine(FormattableString.Invariant($"{(part + 1) * (count / Parts)} images, {count / Parts / watch.Elapsed.TotalSeconds:F0} a second, {wrong} wrong, {last / 1e6:F1} MB resident, {GC.GetTotalMemory(forceFullCollection: true) / 1e6:F1} MB managed"));
        }

        return wrong == 0 && last <= second * MostGrowth ? 0 : 1;
    }
}

using System.Diagnostics;
using System.Globalization;
using IsVit.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace IsVit.Benchmarks.Runtime;

/// <summary>Saved models in IsVit.Runtime beside an ONNX file in ONNX Runtime, in one process and in turns; with the least times, which are what a machine that others use would take alone.</summary>
internal static class BesideOnnx
{
    private const int Calls = 4;
    private const int WarmUp = 20;

    // ONNX Runtime's threads wait in a loop for some 50 ms.
    private static readonly TimeSpan s_settling = TimeSpan.FromMilliseconds(100);

    /// <summary>Prints a table for one and two threads and batches of 1 and 8.</summary>
    /// <param name="args">An ONNX file and saved models.</param>
    public static int Run(ReadOnlySpan<string> args)
    {
        if (args.Length < 2)
        {
            Console.Error.WriteLine("beside <float.onnx> <quantized.safetensors> ...");
            return 2;
        }

        Console.WriteLine("| threads | batch | model | least, ms | times as fast | median, ms | times as fast |\n|--:|--:|---|--:|--:|--:|--:|");
        foreach (var (threads, batch) in ((int, int)[])[(1, 1), (1, 8), (2, 1), (2, 8)])
        {
            Measure(args[0], args[1..].ToArray(), threads, batch);
        }

        return 0;
    }

    private static void Measure(string onnx, string[] files, int threads, int batch)
    {
        var models = Array.ConvertAll(files, file => RuntimeModel.Load(file, new() { MaxDegreeOfParallelism = threads }));
        using var options = new SessionOptions { IntraOpNumThreads = threads };
        using var session = new InferenceSession(onnx, options);
        var (input, output) = (session.InputMetadata.Single(), session.OutputMetadata.Keys.Single());
        var random = new Random(1);
        var pixels = Enumerable.Range(0, batch * models[0].InputLength).Select(_ => (float)((random.NextDouble() * 4) - 2)).ToArray();
        var outputs = new float[batch * models[0].OutputWidth];
        using var images = OrtValue.CreateTensorValueFromMemory(pixels, [batch, .. input.Value.Dimensions.Skip(1).Select(static length => (long)length)]);
        using var run = new RunOptions();
        Action[] engines =
        [
            () => session.Run(run, [input.Key], [images], [output]).Dispose(),
            .. models.Select(model => (Action)(() => model.Predict(pixels, outputs))),
        ];
        var times = Array.ConvertAll(engines, static _ => new List<double>());
        var rounds = batch == 1 ? 20 : 6;
        for (var round = 0; round <= rounds; round++)
        {
            for (var i = 0; i < engines.Length; i++)
            {
                Thread.Sleep(s_settling);
                for (var call = 0; call < (round == 0 ? WarmUp : 1 + Calls); call++)
                {
                    var clock = Stopwatch.GetTimestamp();
                    engines[i]();
                    if (round > 0 && call > 0)
                    {
                        times[i].Add(Stopwatch.GetElapsedTime(clock).TotalMilliseconds);
                    }
                }
            }
        }

        foreach (var own in times)
        {
            own.Sort();
        }

        for (var i = 0; i < engines.Length; i++)
        {
            var (least, median) = (times[i][0], times[i][times[i].Count / 2]);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {threads} | {batch} | {(i == 0 ? onnx : files[i - 1])} | {least:F2} | {times[0][0] / least:F2} | {median:F2} | {times[0][times[0].Count / 2] / median:F2} |"));
        }
    }
}

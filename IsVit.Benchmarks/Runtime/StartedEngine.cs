using System.Globalization;
using IsVit.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace IsVit.Benchmarks.Runtime;

/// <summary>A process that loads a model, computes one answer and tells what memory it has: what <see cref="StartUp"/> starts for each engine.</summary>
internal static class StartedEngine
{
    /// <summary>The word that makes this program such a process.</summary>
    public const string Name = "engine";

    /// <summary>Computes one image of zeros, prints a line as soon as it is answered and another with the resident bytes.</summary>
    /// <param name="file">An ONNX file, for ONNX Runtime, or a saved model.</param>
    /// <param name="threads">How many threads may compute.</param>
    public static int Run(string file, string threads)
    {
        var count = int.Parse(threads, NumberStyles.None, CultureInfo.InvariantCulture);
        using IDisposable? held = file.EndsWith(".onnx", StringComparison.Ordinal) ? Onnx(file, count) : Runtime(file, count);
        Console.WriteLine(FormattableString.Invariant($"{ResidentMemory.Now / 1e6:F1} MB resident"));
        return 0;
    }

    private static InferenceSession Onnx(string file, int threads)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads };
        var session = new InferenceSession(file, options);
        var (input, output) = (session.InputMetadata.Single(), session.OutputMetadata.Keys.Single());
        long[] shape = [1, .. input.Value.Dimensions.Skip(1).Select(static length => (long)length)];
        using var image = OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate(static (a, b) => a * b)], shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, [input.Key], [image], [output]);
        Tell(outputs[0].GetTensorDataAsSpan<float>());
        return session;
    }

    private static IDisposable? Runtime(string file, int threads)
    {
        var model = RuntimeModel.Load(file, new() { MaxDegreeOfParallelism = threads });
        Tell(model.Predict(new float[model.InputLength]));
        GC.KeepAlive(model);
        return null;
    }

    private static void Tell(ReadOnlySpan<float> outputs) => Console.WriteLine(FormattableString.Invariant($"answer {outputs[0]}"));
}

using System.Diagnostics;
using System.Globalization;
using IsVit.Benchmarks.Reliability.Mutations;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Quantizers.Native;
using IsVit.Runtime;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Long;

/// <summary><c>reliability flat</c>: live tensors and resident memory of long runs on every path, each in a process of its own.</summary>
internal static class FlatCampaign
{
    /// <summary>The name of the part that one path is.</summary>
    public const string PathName = "flat-of";

    // Units of the small model that have activations to learn with: the patches and its blocks.
    private const int Units = 3;

    private static readonly Dictionary<string, Action<int, MemorySamples>> s_paths = new(StringComparer.Ordinal)
    {
        ["steps, fused kernels"] = static (count, samples) => Steps(count, ActivationStorage.Memory, samples),
        ["steps, separate operations"] = static (count, samples) => Separately(() => Steps(count, ActivationStorage.Memory, samples)),
        ["steps, bfloat16 cache"] = static (count, samples) => Steps(count, ActivationStorage.BFloat16, samples),
        ["steps, disk cache"] = static (count, samples) => Steps(count, ActivationStorage.Disk, samples),
        ["predictions, fused kernels"] = Predictions,
        ["predictions, separate operations"] = static (count, samples) => Separately(() => Predictions(count, samples)),
        ["predictions, IsVit.Runtime"] = RuntimePredictions,
    };

    /// <summary>Runs it.</summary>
    /// <param name="args">How many steps and predictions; 10,000 if not given.</param>
    public static int Run(string[] args)
    {
        var count = args.Length > 0 ? args[0] : "10000";
        var result = 0;
        Console.WriteLine("| path | steps | live tensors after a fifth / at the end | resident MB first | after a fifth / at the end | slope, bytes a step | |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|---|");
        foreach (var path in s_paths.Keys)
        {
            using var process = Process.Start(Child.Part(PathName, path, count))!;
            process.ErrorDataReceived += static (_, line) => Console.Error.WriteLine(line.Data);
            process.BeginErrorReadLine();
            Console.Write(process.StandardOutput.ReadToEnd());
            process.WaitForExit();
            result = Math.Max(result, process.ExitCode);
        }

        return result;
    }

    /// <summary>Runs one path in this process.</summary>
    /// <param name="args">Its name, and how many.</param>
    public static int RunPath(string[] args)
    {
        var samples = new MemorySamples { CountsTensors = !args[0].EndsWith("Runtime", StringComparison.Ordinal) };
        s_paths[args[0]](int.Parse(args[1], CultureInfo.InvariantCulture), samples);
        Console.WriteLine(samples.Row(args[0], out var isFlat));
        return isFlat ? 0 : 1;
    }

    private static void Separately(Action run)
    {
        using var choice = KernelSwitch.Eager();
        run();
    }

    private static void Steps(int count, ActivationStorage cache, MemorySamples samples)
    {
        var options = new QuantizationOptions { Recipe = "long", WeightBits = 4, ActivationBits = 4 };
        (options.Reconstruction.Iterations, options.Reconstruction.BatchSize, options.Reconstruction.Cache) = (count / Units, 8, cache);
        var recipe = QuantizationRecipes.Find(RecipeNames.ISVit)! with { Name = "long", Stages = [BuiltIn.Stage(StageNames.ActivationCalibration), BuiltIn.Stage(StageNames.ActivationReconstruction)] };
        using var model = SmallModels.Vit();
        using var images = SmallModels.Images(32);
        using var quantized = new ModelQuantizer(options, BuiltIn.CreateRegistry(), [recipe], [], new SquaredErrorLoss()).Quantize(model, images, new QuantizationRun { Progress = new Heard(samples) });
    }

    private static void Predictions(int count, MemorySamples samples)
    {
        using var model = Saved(static path => QuantizedModel.Open(path));
        using var image = SmallModels.Images(1);
        for (var i = 0; i < count; i++)
        {
            model.Predict(image).Dispose();
            samples.Step();
        }
    }

    private static void RuntimePredictions(int count, MemorySamples samples)
    {
        var model = Saved(static path => RuntimeModel.Load(path));
        var image = new float[model.InputLength];
        for (var i = 0; i < count; i++)
        {
            model.Predict(image);
            samples.Step();
        }
    }

    private static T Saved<T>(Func<string, T> open)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, SavedModelTarget.Saved(RecipeNames.SulqOnly, 4));
            return open(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private sealed class Heard(MemorySamples samples) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value)
        {
            if (value.Iteration > 0)
            {
                samples.Step();
            }
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Memory;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using TorchSharp;

namespace IsVit.Benchmarks.Optimization;

/// <summary>Quantizes a ViT-B with random weights and prints the most memory that was resident in each stage and unit.</summary>
internal static class ReconstructionMemory
{
    private const int BatchSize = 32;
    private static readonly int[] s_defaults = [256, 2, 1];

    /// <summary>Runs with a number of images, of blocks and of iterations per unit; 256, 2 and 1 where there are none.</summary>
    /// <returns>The exit code: 2 where the numbers are none, or where there is no Linux to ask.</returns>
    public static int Run(string[] given)
    {
        if (!OperatingSystem.IsLinux() || given.Length > s_defaults.Length || !given.All(static text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0))
        {
            Console.Error.WriteLine($"memory [images [blocks [steps]]]: whole numbers above 0, on Linux. These are \"{string.Join(' ', given)}\" on {System.Runtime.InteropServices.RuntimeInformation.OSDescription}.");
            return 2;
        }

        int[] numbers = [.. given.Select(static text => int.Parse(text, CultureInfo.InvariantCulture)), .. s_defaults[given.Length..]];
        var (imageCount, depth, steps) = (numbers[0], numbers[1], numbers[2]);
        NativeHeap.ReturnLargeBlocks();
        torch.random.manual_seed(0);
        using var model = new VisionTransformer(new() { EmbedDim = 768, HeadCount = 12, Depth = depth });
        model.eval();
        using var images = torch.randn(imageCount, 3, 224, 224);
        var quantizer = ModelQuantizer.Create(options =>
        {
            options.Recipe = RecipeNames.Released;
            options.Reconstruction.Iterations = steps;
            options.Reconstruction.Evaluations = 1;
            options.Reconstruction.BatchSize = BatchSize;
            options.Reconstruction.Cache = ActivationStorage.BFloat16;
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Width 768, {depth} blocks, {imageCount} images, batches of {BatchSize}, {steps} iterations per unit; {ResidentMemory.Now / 1e9:F2} GB resident with model and images."));
        Console.WriteLine();
        Console.WriteLine("| stage | unit | seconds | peak GB |");
        Console.WriteLine("|---|---|--:|--:|");
        var rows = new Rows();
        quantizer.Quantize(model, images, new QuantizationRun { Progress = rows }).Dispose();
        rows.End();
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows.Highest / 1e9:F2} GB at most."));
        return 0;
    }

    /// <summary>A row for each stage and unit.</summary>
    private sealed class Rows : IProgress<QuantizationProgress>
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private (string Stage, string? Unit)? _current;

        public long Highest { get; private set; }

        public void Report(QuantizationProgress value)
        {
            if (_current != (value.Stage, value.Unit))
            {
                End();
                _current = (value.Stage, value.Unit);
            }
        }

        public void End()
        {
            if (_current is { } done)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {done.Stage} | {done.Unit} | {_clock.Elapsed.TotalSeconds:F0} | {ResidentMemory.Peak / 1e9:F2} |"));
            }

            Highest = Math.Max(Highest, ResidentMemory.Peak);
            ResidentMemory.ForgetPeak();
            _clock.Restart();
        }
    }
}

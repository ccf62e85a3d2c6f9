using System.Globalization;
using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Results;

/// <summary><c>reliability together</c>: two and five quantizations at once in one process, each with models, recipes and seeds of its own, some cancelled at random and done again: each ends with the bits that it ends with alone.</summary>
internal static class TogetherCampaign
{
    private const double CancelledShare = 0.4;

    private static readonly string[] s_recipes = [RecipeNames.ISVit, RecipeNames.Baseline, RecipeNames.SulqOnly, RecipeNames.RepQ, RecipeNames.SosOnly];

    /// <summary>Runs it.</summary>
    /// <param name="args">How many rounds of two and of five; 20 if not given.</param>
    public static int Run(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 20;
        var random = new Random(5);
        var alone = Enumerable.Range(0, s_recipes.Length).Select(static which => Task.Factory.StartNew(() => Alone(which), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).GetAwaiter().GetResult()).ToList();
        var counts = new Counts();
        Console.WriteLine("| at once | rounds | runs | cancelled on the way | as alone | float model as before after a cancellation | faults |");
        Console.WriteLine("|--:|--:|--:|--:|--:|--:|--:|");
        var faults = 0;
        foreach (var together in (int[])[2, 5])
        {
            counts = new Counts();
            for (var round = 0; round < rounds; round++)
            {
                var runs = Enumerable.Range(0, together).Select(i => (Which: (round + i) % s_recipes.Length, CancelAt: random.NextDouble() < CancelledShare ? random.NextDouble() : (double?)null)).ToList();
                Task.WhenAll(runs.Select(run => Task.Run(() => Together(run.Which, run.CancelAt, alone[run.Which], counts)))).GetAwaiter().GetResult();
            }

            faults += counts.Faults;
            Console.WriteLine(FormattableString.Invariant($"| {together} | {rounds} | {counts.Runs} | {counts.Cancelled} | {counts.Same} | {counts.Untouched} | {counts.Faults} |"));
        }

        return faults == 0 ? 0 : 1;
    }

    private static string Alone(int which)
    {
        using var model = Model(which);
        using var images = Images(which);
        using var quantized = Quantizer(which).Quantize(model, images);
        return Bits(model, quantized, images);
    }

    private static async Task Together(int which, double? cancelAt, string expected, Counts counts)
    {
        var checkpoint = Directory.CreateTempSubdirectory("isvit-together-").FullName;
        using var model = Model(which);
        using var images = Images(which);
        try
        {
            if (cancelAt is { } share)
            {
                using var source = new CancellationTokenSource();
                var before = ModelBits.Of(model);
                try
                {
                    using var finished = await Quantizer(which).QuantizeAsync(model, images, new QuantizationRun { CheckpointDirectory = checkpoint, Progress = new Canceller(share, source) }, cancellationToken: source.Token);
                    Compare(which, Bits(model, finished, images), expected, counts);
                    return;
                }
                catch (OperationCanceledException)
                {
                    counts.AddCancelled(ModelBits.Of(model) == before);
                }
            }

            using var quantized = await Quantizer(which).QuantizeAsync(model, images, new QuantizationRun { CheckpointDirectory = checkpoint });
            Compare(which, Bits(model, quantized, images), expected, counts);
        }
        finally
        {
            Directory.Delete(checkpoint, recursive: true);
        }
    }

    private static void Compare(int which, string bits, string expected, Counts counts)
    {
        if (!counts.Add(bits == expected))
        {
            Console.WriteLine($"FAULT {s_recipes[which]}: other bits than alone");
        }
    }

    private static string Bits(ImageClassifier model, QuantizedModel quantized, torch.Tensor images)
    {
        using var outputs = quantized.Predict(images);
        return ModelBits.Of(model, outputs);
    }

    private static ImageClassifier Model(int which) => which % 2 == 0 ? SmallModels.Vit(which) : SmallModels.Swin(which);

    private static torch.Tensor Images(int which) => SmallModels.Images(24, 100 + which);

    private static ModelQuantizer Quantizer(int which) => SmallModels.Quantizer(s_recipes[which], 4, options => (options.Seed, options.Reconstruction.Iterations) = (which, 20));

    // By the run's own progress: its time depends on what else runs.
    private sealed class Canceller(double share, CancellationTokenSource source) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value)
        {
            if (value.Share >= share)
            {
                source.Cancel();
            }
        }
    }

    private sealed class Counts
    {
        private readonly Lock _gate = new();

        public int Runs { get; private set; }

        public int Cancelled { get; private set; }

        public int Untouched { get; private set; }

        public int Same { get; private set; }

        public int Faults => Runs - Same + Cancelled - Untouched;

        public bool Add(bool isSame)
        {
            lock (_gate)
            {
                Runs++;
                Same += isSame ? 1 : 0;
                return isSame;
            }
        }

        public void AddCancelled(bool isUntouched)
        {
            lock (_gate)
            {
                Cancelled++;
                Untouched += isUntouched ? 1 : 0;
            }
        }
    }
}

using System.Globalization;
using IsVit.Benchmarks.Imaging;
using IsVit.Core.Imaging;
using IsVit.Core.Memory;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Imaging;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using Microsoft.Extensions.DependencyInjection;
using TorchSharp;

namespace IsVit.Benchmarks.Accuracy;

/// <summary>Quantizes a model with the recipe <c>isvit</c>, whole and without one of its parts at a time, and prints what the models answer to images that they were not calibrated with.</summary>
internal static class Ablation
{
    private const int HeldOut = 300;
    private const int BatchSize = 50;
    private const double Crop = 0.9;
    private const string Usage = "ablation <model> <weights> <runs.csv> [<bits of weights> <bits of activations> [<effort> [<seed>,<seed>...]]]";
    private static readonly AblationPart Nothing = new("nothing: the whole recipe", static recipe => recipe);

    /// <summary>
    /// Runs with a model of the catalogue, its weights, the file of runs, 3 and 3 bits, the effort <c>quick</c> and the seeds 0, 1 and 2, where there are none.
    /// A run is a line of the file as soon as it ends, and none that is there is done again: the table is of all of them.
    /// </summary>
    /// <returns>The exit code: 2 where the arguments are none, or the photographs are absent.</returns>
    public static int Run(string[] given)
    {
        if (CalibrationImages.Folder is not { } folder)
        {
            Console.Error.WriteLine("ablation: ../shared/data/imagenet/calibration is absent.");
            return 2;
        }

        if (Parse(given) is not { } setting)
        {
            Console.Error.WriteLine($"{Usage}: a name of the catalogue, two files, whole numbers above 0, one of {string.Join(", ", QuantizationEfforts.All.Select(static effort => effort.Name))}, and seeds. These are \"{string.Join(' ', given)}\".");
            return 2;
        }

        NativeHeap.ReturnLargeBlocks();
        var preprocessing = setting.Preset.Preprocessing with { CropFraction = Crop };
        var runs = new AblationRuns(setting.Runs, FormattableString.Invariant($"{setting.Preset.Name},{setting.WeightBits},{setting.ActivationBits},{setting.Effort.Name}"));
        AblationPart[] parts = [Nothing, .. AblationPart.All];
        foreach (var seed in setting.Seeds)
        {
            var missing = parts.Where(part => runs.Find(part.Name, seed) is null).ToList();
            if (missing.Count > 0)
            {
                using var sample = Sample.Read(folder, preprocessing, setting, seed);
                missing.ForEach(part => runs.Add(part.Name, seed, Quantize(setting, sample, part.Without)));
            }
        }

        Console.WriteLine($"{setting.Preset.Name}, W{setting.WeightBits}A{setting.ActivationBits}, {setting.Effort.Name}, seeds {string.Join(", ", setting.Seeds)}; {HeldOut} held-out images.");
        Console.WriteLine();
        Console.WriteLine("| without | agreement % | logits error | divergence | more divergence than the whole recipe, each seed |");
        Console.WriteLine("|---|--:|--:|--:|---|");
        foreach (var part in parts)
        {
            Console.WriteLine(Row(part, [.. setting.Seeds.Select(seed => runs.Find(part.Name, seed)!)], [.. setting.Seeds.Select(seed => runs.Find(Nothing.Name, seed)!)]));
        }

        return 0;
    }

    private static Setting? Parse(string[] given)
    {
        string[] defaults = ["", "", "", "3", "3", QuantizationEfforts.Quick.Name, "0,1,2"];
        if (given.Length < 3 || given.Length > defaults.Length || !ModelCatalog.Names.Contains(given[0]) || !File.Exists(given[1]))
        {
            return null;
        }

        string[] all = [.. given, .. defaults[given.Length..]];
        var bits = Numbers([all[3], all[4]]);
        var seeds = Numbers(all[6].Split(','));
        return bits.All(static number => number > 0) && seeds.All(static number => number >= 0) && QuantizationEfforts.All.FirstOrDefault(effort => effort.Name == all[5]) is { } effort
            ? new(ModelCatalog.Find(all[0]), all[1], all[2], bits[0], bits[1], effort, seeds)
            : null;
    }

    private static int[] Numbers(string[] texts) => [.. texts.Select(static text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1)];

    private static string Row(AblationPart part, HeldOutScore[] scores, HeldOutScore[] whole)
    {
        var differences = part == Nothing ? "" : string.Join(", ", scores.Zip(whole, static (score, full) => (score.Divergence - full.Divergence).ToString("+0.000;-0.000", CultureInfo.InvariantCulture)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {part.Name} | {scores.Average(static score => score.Agreement):F1} | {scores.Average(static score => score.SquaredError):F3} | {scores.Average(static score => score.Divergence):F3} | {differences} |");
    }

    private static HeldOutScore Quantize(Setting setting, Sample sample, Func<QuantizationRecipe, QuantizationRecipe> change)
    {
        using var model = setting.CreateModel();
        var recipe = change(QuantizationRecipes.Find(RecipeNames.ISVit)!) with { Name = nameof(Ablation) };
        using var provider = new ServiceCollection()
            .AddSingleton(recipe)
            .AddIsVitQuantization(options =>
            {
                options.Use(setting.Effort);
                (options.Recipe, options.WeightBits, options.ActivationBits, options.Seed) = (recipe.Name, setting.WeightBits, setting.ActivationBits, sample.Seed);
            })
            .BuildServiceProvider();
        using var quantized = provider.GetRequiredService<ModelQuantizer>().Quantize(model, sample.Calibration.Pixels);
        using var outputs = Predict(model, sample.HeldOut.Pixels);
        return HeldOutScore.Of(outputs, sample.Outputs);
    }

    private static torch.Tensor Predict(torch.nn.Module<torch.Tensor, torch.Tensor> model, torch.Tensor images)
    {
        using var noGradient = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        model.eval();
        return scope.MoveToOuter(torch.cat([.. images.split(BatchSize).Select(model.call)]));
    }

    private sealed record Setting(ModelPreset Preset, string Weights, string Runs, int WeightBits, int ActivationBits, QuantizationEffort Effort, int[] Seeds)
    {
        public ImageClassifier CreateModel()
        {
            var model = Preset.Create();
            StateDict.Load(model, Weights);
            return model;
        }
    }

    /// <summary>The images of a seed, and what the float model answers to those held out.</summary>
    private sealed record Sample(int Seed, ImageBatch Calibration, ImageBatch HeldOut, torch.Tensor Outputs) : IDisposable
    {
        public static Sample Read(string folder, ImagePreprocessing preprocessing, Setting setting, int seed)
        {
            var images = ImageFolder.Read(folder).Shuffle(seed);
            var heldOut = new ImageFileSource(new ImageList([.. images.Skip(images.Count - Ablation.HeldOut)]), preprocessing).LoadAll();
            using var model = setting.CreateModel();
            return new(seed, new ImageFileSource(images.Take(Math.Min(setting.Effort.ImageCount, images.Count - Ablation.HeldOut)), preprocessing).LoadAll(), heldOut, Predict(model, heldOut.Pixels));
        }

        public void Dispose()
        {
            Calibration.Dispose();
            HeldOut.Dispose();
            Outputs.Dispose();
        }
    }
}

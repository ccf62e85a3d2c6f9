using System.CommandLine;
using System.Globalization;
using IsVit.Model.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Reports;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;
using IsVit.Tool.Workloads;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit quantize</c>.</summary>
internal static class QuantizeCommand
{
    private static readonly Dictionary<string, ProgressFormat> s_progressFormats = new(StringComparer.Ordinal)
    {
        ["auto"] = ProgressFormat.Automatic,
        ["plain"] = ProgressFormat.Plain,
        ["json"] = ProgressFormat.Json,
    };

    /// <summary>The methods, as <c>--method</c> names them.</summary>
    public static IReadOnlyList<string> Methods { get; } = [.. QuantizationRecipes.All.Select(static r => r.Name)];

    /// <summary>One of the methods, which may be named as earlier versions did.</summary>
    /// <param name="description">What it is for; the methods come behind it.</param>
    public static Option<string> Method(string description)
    {
        var method = new Option<string>("--method")
        {
            Description = $"{description}: {string.Join(", ", Methods)}",
            HelpName = "METHOD",
            DefaultValueFactory = _ => RecipeNames.ISVit,
            CustomParser = static result =>
            {
                var name = result.Tokens[0].Value;
                if (QuantizationRecipes.Find(name)?.Name is { } method)
                {
                    return method;
                }

                result.AddError($"Argument '{name}' not recognized. Must be one of: {string.Join(", ", Methods.Select(static known => $"'{known}'"))}");
                return name;
            },
        };
        method.CompletionSources.Add([.. Methods]);
        return method;
    }

    // How much work it may be.
    private static Option<string> Effort() => new Option<string>("--effort")
    {
        Description = $"How much work it may be: {string.Join(", ", QuantizationEfforts.All.Select(Describe))}",
        HelpName = "NAME",
        DefaultValueFactory = _ => QuantizationEfforts.Thorough.Name,
    }.AcceptOnlyFromAmong([.. QuantizationEfforts.All.Select(static known => known.Name)]);

    private static string Describe(QuantizationEffort effort) => string.Create(
        CultureInfo.InvariantCulture, $"{effort.Name} ({effort.ImageCount} images, {(effort.Iterations is { } steps ? $"{steps}" : "the paper's 1000 or 200")} steps of {effort.BatchSize}; of a detector {DetectorEfforts.Of(effort).ImageCount} images, steps of {DetectorEfforts.Of(effort).BatchSize})");

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var model = ModelOptions.Name("deit_tiny_patch16_224 or mask_rcnn_swin_tiny");
        var weights = ModelOptions.Weights("timm's or Hugging Face's tensor names, MMDetection's for a detector");
        var imageSize = ModelOptions.ImageSize();
        var windowSize = ModelOptions.WindowSize();
        var prefix = ModelOptions.Prefix();
        var skip = ModelOptions.Skip();
        var classes = KindOptions.Classes();
        var calibration = ModelOptions.Calibration();
        var effort = Effort();
        var calibrationCount = Ranged.OptionalInt32("--calibration-count", "Use the first N calibration images of a fixed shuffle, or all if there are fewer; the effort's if not given", 1, 1_000_000);
        var labels = ImageOptions.Labels();
        var images = KindOptions.Images();
        var coco = KindOptions.Coco();
        var testCount = KindOptions.TestCount();
        var boxRegions = KindOptions.BoxRegions();
        var maskRegions = KindOptions.MaskRegions();
        var weightBits = Ranged.Int32("--weight-bits", "Bits of weights", 4, BitWidth.Minimum, BitWidth.Maximum);
        var activationBits = Ranged.Int32("--activation-bits", "Bits of activations", 4, BitWidth.Minimum, BitWidth.Maximum);
        var method = Method("How to quantize");
        var presetName = new Option<string?>("--preset")
        {
            Description = $"Method and bits for integer kernels, instead of the three options above: {string.Join(", ", QuantizationPresets.All.Select(static preset => preset.Name))}",
            HelpName = "NAME",
        }.AcceptOnlyFromAmong([.. QuantizationPresets.All.Select(static preset => preset.Name)]);
        var budget = MixedPrecisionOptions.Budget();
        var allowedBits = MixedPrecisionOptions.Widths("--allowed-bits", "With --budget: the bits that a site may get, all if not given");
        var sensitivity = MixedPrecisionOptions.Method();
        var sensitivityCount = MixedPrecisionOptions.Count();
        var iterations = Ranged.OptionalInt32("--iterations", "Steps a unit and stage; the effort's if not given", 0, 1_000_000);
        var batch = Ranged.OptionalInt32("--batch", "Images a step; the effort's if not given", 1, 65_536);
        var tuningSteps = Ranged.OptionalInt32("--tuning-steps", "Steps in which biases and normalisations of the whole model are trained at the end; the effort's if not given", 0, 1_000_000);
        var learningRate = Ranged.OptionalDouble("--learning-rate", "Adam's first step size; by the number of steps if not given, 1e-4 for 1000", 0, 1);
        var dropProbability = Ranged.OptionalShare("--drop-probability", "The share of activations that a step leaves unrounded; the method's if not given", 0.99);
        var heldOutShare = Ranged.OptionalShare("--held-out", "The share of the calibration images that no step is taken on, and that the best states are chosen by; the method's if not given", 0.5);
        var outputWeight = Ranged.OptionalShare("--output-weight", "How much an error of the model's outputs, computed by the rest of the float model, counts beside a unit's own; its own alone if not given", 1000);
        var views = Ranged.OptionalInt32("--views", "Views of each calibration image that units are reconstructed on: itself and random crops; the method's if not given", 1, 64);
        var seed = ModelOptions.Seed();
        var crop = ModelOptions.Crop();
        var resize = ModelOptions.Resize();
        var skipUnreadable = ImageOptions.SkipUnreadable();
        var finalScoreOnly = new Option<bool>("--final-score-only") { Description = "Evaluate on the test images at the end only, not after every stage" };
        var device = EngineOptions.Device();
        var sparsity = EngineOptions.Sparsity();
        var cache = EngineOptions.Cache();
        var cacheFolder = EngineOptions.CacheFolder();
        var precision = EngineOptions.Precision();
        var output = PathOptions.Optional("--output", "DIR", $"The folder to write {QuantizeRun.ModelFile} to");
        var json = PathOptions.Optional("--json", "FILE", "The file to write the report to");
        var report = PathOptions.Optional("--report", "DIR", $"The folder to write {ModelReports.PageFile} to, a page to look at, and the numbers behind it");
        var landscape = PathOptions.Optional("--report-landscape", "UNIT", "With --report: the unit, such as blocks.3, whose loss is shown around its weights before and after stage 2; the one with the largest error if not given");
        var checkpoint = PathOptions.Optional("--checkpoint", "DIR", $"Keep every finished unit in this folder, and go on from there if the same run was interrupted; DIR{CheckpointFolder.Suffix} beside --output if not given, which goes when the model is saved");
        var noCheckpoint = new Option<bool>("--no-checkpoint") { Description = "Keep no finished unit beside --output" };
        var restart = new Option<bool>("--restart") { Description = "Delete what an interrupted run kept, and start anew" };
        var units = UnitShares.Option();
        var progress = EngineOptions.OneOf("--progress", "How progress is shown: a bar on a terminal and lines elsewhere, lines, or a line of JSON some times a second for programs", s_progressFormats);
        var stopWithInput = new Option<bool>("--stop-with-input") { Description = "Stop when standard input ends, as it does when the program that started this one is gone" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Read model and images, measure a few passes, and say what the run would do, what it would take and what would come out; write nothing but --json" };
        var config = new ConfigOption(takesEngineKeys: true) { Alternatives = [(presetName, [weightBits, activationBits, method]), (noCheckpoint, [checkpoint])] };
        var command = new Command("quantize", "Quantize a classifier or a detector with a folder of images and compare it with the float model.")
        {
            model, weights, imageSize, windowSize, prefix, skip, classes, calibration, effort, calibrationCount, labels, images, coco, testCount, boxRegions, maskRegions, weightBits, activationBits, method, presetName, budget, allowedBits, sensitivity, sensitivityCount, iterations, batch, tuningSteps, learningRate, dropProbability, heldOutShare, outputWeight, views,
            seed, crop, resize, skipUnreadable, finalScoreOnly, sparsity, device, cache, cacheFolder, precision, output, json, report, landscape, checkpoint, noCheckpoint, restart, units, progress, stopWithInput, dryRun, config,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(presetName) is { Implicit: false } && ((Option[])[weightBits, activationBits, method]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } other)
            {
                result.AddError($"--preset sets what {other.Name} sets: give one of them.");
            }

            if (result.GetResult(budget) is null or { Implicit: true } && ((Option[])[allowedBits, sensitivity, sensitivityCount]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } lone)
            {
                result.AddError($"{lone.Name} is for --budget: give both or none.");
            }
        });
        command.Validators.Add(result =>
        {
            if (result.GetResult(checkpoint) is { Implicit: false } && result.GetValue(noCheckpoint))
            {
                result.AddError("--checkpoint and --no-checkpoint: give one of them.");
            }
        });
        command.SetAction((parsed, cancellationToken) =>
        {
            var preset = QuantizationPresets.All.FirstOrDefault(known => known.Name == parsed.GetValue(presetName));
            var chosen = QuantizationEfforts.All.Single(known => known.Name == parsed.GetValue(effort));
            if (parsed.GetValue(model) is { } name && ModelKinds.IsDetector(name))
            {
                parsed.RefuseForDetector(
                    (labels, "it is scored with --coco"),
                    (crop, "it sees whole images"),
                    (resize, "it sees whole images"),
                    (imageSize, "it sees images of any size"),
                    (windowSize, "its windows are as they were trained"),
                    (prefix, "its weights have MMDetection's names"),
                    (skip, "its weights are loaded whole"),
                    (views, "its regions are those of the calibration images as they are"));
                if (parsed.GetValue(coco) is null)
                {
                    parsed.Refuse(images, "--images: a detector is scored with the objects in the images; give --coco.");
                    parsed.Refuse(testCount, "--test-count is for --coco: give both or none.");
                }

                chosen = DetectorEfforts.Of(chosen);
            }
            else
            {
                parsed.RefuseForClassifier(coco, testCount, boxRegions, maskRegions);
            }

            if (parsed.GetValue(units) is not null && (parsed.GetValue(checkpoint) is null || parsed.GetValue(output) is not null || parsed.GetValue(budget) is not null || parsed.GetValue(dryRun)))
            {
                throw new ToolException("--units computes units ahead into --checkpoint, which must be given; --output, --budget and --dry-run are for whole runs.");
            }

            if (parsed.GetValue(report) is null)
            {
                parsed.Refuse(landscape, "--report-landscape is for --report: give both or none.");
            }

            var arguments = new QuantizeArguments
            {
                Model = parsed.GetValue(model),
                Pretrained = parsed.Pretrained(model, imageSize, windowSize, prefix, skip),
                Weights = parsed.GetRequiredValue(weights),
                ClassCount = parsed.GetValue(classes),
                Calibration = parsed.GetRequiredValue(calibration),
                StatisticsCount = chosen.ImageCount,
                CalibrationCount = parsed.GetValue(calibrationCount) ?? chosen.ImageCount,
                Labels = parsed.GetValue(labels),
                Images = parsed.GetValue(images),
                Coco = parsed.GetValue(coco),
                TestCount = parsed.GetValue(testCount),
                BoxRegions = parsed.GetValue(boxRegions),
                MaskRegions = parsed.GetValue(maskRegions),
                WeightBits = preset?.WeightBits ?? BitsOf(weightBits),
                ActivationBits = preset?.ActivationBits ?? BitsOf(activationBits),
                Budget = parsed.GetValue(budget),
                AllowedBits = parsed.GetValue(allowedBits) is { Length: > 0 } list ? list : null,
                Sensitivity = parsed.GetValue(sensitivity),
                SensitivityCount = parsed.GetValue(sensitivityCount),
                Method = preset?.Recipe ?? parsed.GetRequiredValue(method),
                Iterations = parsed.GetValue(iterations) ?? chosen.Iterations,
                BatchSize = parsed.GetValue(batch) ?? chosen.BatchSize,
                TuningSteps = parsed.GetValue(tuningSteps) ?? chosen.TuningSteps,
                LearningRate = parsed.GetValue(learningRate),
                DropProbability = parsed.GetValue(dropProbability),
                HeldOutShare = parsed.GetValue(heldOutShare),
                OutputWeight = parsed.GetValue(outputWeight),
                Views = parsed.GetValue(views),
                Seed = parsed.GetValue(seed),
                Preparation = parsed.Preparation(crop, resize),
                SkipUnreadable = parsed.GetValue(skipUnreadable),
                ScoreStages = !parsed.GetValue(finalScoreOnly),
                Device = parsed.GetRequiredValue(device),
                Sparsity = parsed.GetValue(sparsity),
                Cache = parsed.GetValue(cache),
                CacheFolder = parsed.GetValue(cacheFolder),
                Precision = parsed.GetValue(precision),
                Output = parsed.GetValue(output),
                Json = parsed.GetValue(json),
                Report = parsed.GetValue(report),
                ReportLandscape = parsed.GetValue(landscape),
                CommandLine = string.Join(' ', parsed.Tokens.Select(static token => token.Value)),
                Checkpoint = parsed.GetValue(checkpoint),
                NoCheckpoint = parsed.GetValue(noCheckpoint),
                Restart = parsed.GetValue(restart),
                Units = parsed.GetValue(units),
                Progress = parsed.GetValue(progress),
                DryRun = parsed.GetValue(dryRun),
                Engine = config.Engine,
            };
            return Task.Run(
                () =>
                {
                    using var stop = parsed.GetValue(stopWithInput) ? InputEnd.StopWith(cancellationToken) : null;
                    return QuantizeRun.Run(console, arguments, stop?.Token ?? cancellationToken);
                },
                CancellationToken.None);

            // What stands for the whole model where sites differ.
            int BitsOf(Option<int> bits) => parsed.GetValue(budget) is { Kind: BudgetKind.MeanBits } mean && parsed.GetResult(bits) is null or { Implicit: true }
                ? (int)Math.Clamp(Math.Round(mean.Value), BitWidth.Minimum, BitWidth.Maximum)
                : parsed.GetValue(bits);
        });
        return command;
    }
}

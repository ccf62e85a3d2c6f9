using System.Globalization;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Coco;
using IsVit.Detection.Models;
using IsVit.Detection.Scenes;
using IsVit.Detection.Training;
using IsVit.Model.Files;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Progress;
using IsVit.Tool.Terminal;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Tool.Training;

/// <summary>Training the demo's detector, from the data's folder to the files.</summary>
internal static class DetectorDemoTraining
{
    /// <summary>The weights on the way, every few minutes, until the whole run is done; their metadata hold the step.</summary>
    public const string CheckpointSuffix = ".step.safetensors";

    private const string StepKey = "step";

    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromMinutes(10);

    /// <summary>Trains and writes the weights, their card and <see cref="DemoAssets.ImagesFile"/>.</summary>
    /// <param name="console">Where to show progress.</param>
    /// <param name="preset">The detector.</param>
    /// <param name="dataFolder">Fashion-MNIST's four files.</param>
    /// <param name="outputFolder">Receives the files when all are written.</param>
    /// <param name="options">How to train it.</param>
    /// <param name="resume">A checkpoint to go on from; null to begin.</param>
    /// <param name="cancellationToken">Stops within one step; no file is written then but the checkpoint.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, DetectorPreset preset, string dataFolder, string outputFolder, DetectorDemoOptions options, string? resume, CancellationToken cancellationToken)
    {
        var data = FashionMnist.Load(dataFolder);
        data.RequireAtLeast(DemoAssets.CalibrationCount, DemoAssets.TestCount);
        using var output = OutputFolder.Create(outputFolder);
        torch.manual_seed(options.Seed);
        using var detector = CreateDetector(preset);
        var firstStep = resume is null ? 0 : Resume(detector, resume, options.Steps);
        var composer = DemoScenes.Training(Prefix(data.Train, options.TrainingImages), options.Seed);
        var evaluation = new SceneEvaluation(DemoScenes.Test(data.Test.Sample(DemoAssets.TestCount, seed: 0), options.TestScenes), FashionMnist.Classes);
        var checkpoint = Path.TrimEndingDirectorySeparator(outputFolder) + CheckpointSuffix;
        var trainer = new DetectorTrainer(new()
        {
            Steps = options.Steps,
            FirstStep = firstStep,
            LearningRate = options.LearningRate,
            WarmUpSteps = (int)(options.Steps * options.WarmUpFraction),
            GradientClip = options.GradientClip,
            Seed = options.Seed,
            AnchorsPerImage = options.AnchorsPerScene,
            RegionsPerImage = options.RegionsPerScene,
        });
        var isKept = false;
        try
        {
            Train();
        }
        catch (OperationCanceledException error) when (isKept)
        {
            throw new RunInterruptedException($"the weights of the last evaluation are kept: --resume {checkpoint} goes on from there", error);
        }

        StateDict.Save(detector, output.PathOf($"{preset.Name}.safetensors"));
        DemoAssets.WriteImages(output.PathOf(DemoAssets.ImagesFile), data, seed: 0);
        var (box, mask) = evaluation.Measure(detector, cancellationToken);
        File.WriteAllText(output.PathOf($"{preset.Name}.md"), DetectorCard.Write(preset, detector.parameters().Sum(static p => p.numel()), options, box, mask));
        var folder = output.Commit();
        File.Delete(checkpoint);
        console.Out.WriteLine(box);
        console.Out.WriteLine(mask);
        Say(console, $"box AP {100 * box.AP:F2}, mask AP {100 * mask.AP:F2} on {options.TestScenes} held-out scenes; files in {folder}");
        return ExitCode.Success;

        void Train() => ProgressView.Run(console, "train-demo", view =>
        {
            trainer.Train(detector, step => Batch(composer, step, options.BatchSize), new StepProgress(view, progress =>
            {
                StateDict.Save(detector, checkpoint, new Dictionary<string, string>(StringComparer.Ordinal) { [StepKey] = progress.Step.ToString(CultureInfo.InvariantCulture) });
                isKept = true;
                var (boxes, masks) = evaluation.Measure(detector, cancellationToken);
                Say(console, $"step {progress.Step}: box AP {100 * boxes.AP:F2}, mask AP {100 * masks.AP:F2} on the held-out scenes; losses {progress.Losses}");
            }), cancellationToken);
            return true;
        });
    }

    // As for the demo's classifiers, a narrow backbone starts late with the library's initial values.
    private static Detector CreateDetector(DetectorPreset preset)
    {
        var detector = preset.Create();
        using var noGradient = torch.no_grad();
        foreach (var linear in detector.Backbone.modules().OfType<Linear>())
        {
            torch.nn.init.xavier_uniform_(linear.weight!);
        }

        return detector;
    }

    private static int Resume(Detector detector, string path, int steps)
    {
        try
        {
            using var file = SafetensorsFile.Open(path);
            StateDict.Load(detector, file);
            return file.Metadata.TryGetValue(StepKey, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var step) && step <= steps
                ? step
                : throw new ToolException($"{path}: its step is '{text}'; expected a checkpoint of this command with a step of at most {steps}.");
        }
        catch (Exception error) when (error is WeightFileException or StateDictException or IOException or UnauthorizedAccessException)
        {
            throw new ToolException(error.Message, error);
        }
    }

    private static ImageSet Prefix(ImageSet images, int count) => count >= images.Count ? images : images.Select([.. Enumerable.Range(0, count)]);

    private static TrainingBatch Batch(SceneComposer composer, int step, int size)
    {
        var scenes = new Scene[size];
        Parallel.For(0, size, i => scenes[i] = composer.Compose((long)step * size + i));
        return SceneBatches.Batch(scenes);
    }

    private static void Say(ToolConsole console, FormattableString text) => console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private sealed class StepProgress(IProgress<WorkProgress> view, Action<DetectorTrainingProgress> checkpoint) : IProgress<DetectorTrainingProgress>
    {
        // About the last hundred steps.
        private const double Memory = 0.99;

        private double? _loss;
        private long _savedAt = TimeProvider.System.GetTimestamp();

        public void Report(DetectorTrainingProgress value)
        {
            _loss = _loss is { } mean ? (Memory * mean) + ((1 - Memory) * value.Losses.Total) : value.Losses.Total;
            view.Report(new WorkProgress("training", "scenes", value.Step, value.Steps, _loss));
            if (TimeProvider.System.GetElapsedTime(_savedAt) >= CheckpointInterval && value.Step < value.Steps)
            {
                checkpoint(value);
                _savedAt = TimeProvider.System.GetTimestamp();
            }
        }
    }
}

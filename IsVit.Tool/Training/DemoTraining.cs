using System.Globalization;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using IsVit.Tool.Progress;
using IsVit.Tool.Terminal;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Tool.Training;

/// <summary>Training one of the demo's models, from the data's folder to the files.</summary>
internal static class DemoTraining
{
    /// <summary>The weights after the last finished epoch, until the whole run is done.</summary>
    public const string CheckpointSuffix = ".epoch.safetensors";

    /// <summary>Trains and writes the weights, their card and <see cref="DemoAssets.ImagesFile"/>.</summary>
    /// <param name="console">Where to show progress.</param>
    /// <param name="demo">The model.</param>
    /// <param name="dataFolder">Fashion-MNIST's four files.</param>
    /// <param name="outputFolder">Receives the files when all are written.</param>
    /// <param name="options">How to train it.</param>
    /// <param name="cancellationToken">Stops within one step; no file is written then but the checkpoint.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, DemoModel demo, string dataFolder, string outputFolder, DemoTrainingOptions options, CancellationToken cancellationToken)
    {
        var data = FashionMnist.Load(dataFolder);
        data.RequireAtLeast(DemoAssets.CalibrationCount, DemoAssets.TestCount);
        using var output = OutputFolder.Create(outputFolder);
        torch.manual_seed(options.Seed);
        using var model = CreateModel(demo);
        var accuracy = ProgressView.Run(console, "train-demo", view => new DemoTrainer(options).Train(
            model,
            data,
            new StepProgress(view),
            (epoch, percent) =>
            {
                Say(console, $"epoch {epoch}: {percent:F2} % of the test images right");
                StateDict.Save(model, Path.TrimEndingDirectorySeparator(outputFolder) + CheckpointSuffix);
            },
            cancellationToken));

        StateDict.Save(model, output.PathOf(demo.WeightsFile));
        DemoAssets.WriteImages(output.PathOf(DemoAssets.ImagesFile), data, options.Seed);
        var subset = DemoTrainer.TestAccuracy(model, data.Test.Sample(DemoAssets.TestCount, options.Seed), cancellationToken);
        var card = ModelCard.Write(demo, model.parameters().Sum(p => p.numel()), options, accuracy, subset);
        File.WriteAllText(output.PathOf(demo.CardFile), card);
        var folder = output.Commit();
        File.Delete(Path.TrimEndingDirectorySeparator(outputFolder) + CheckpointSuffix);
        Say(console, $"{accuracy:F2} % of {data.Test.Count} test images right; files in {folder}");
        return ExitCode.Success;
    }

    // The library's initial values (a normal of 0.02) suit wide models; these are narrow and start several epochs late with them.
    private static ImageClassifier CreateModel(DemoModel demo)
    {
        var model = demo.Preset.Create();
        using var noGradient = torch.no_grad();
        foreach (var linear in model.modules().OfType<Linear>())
        {
            torch.nn.init.xavier_uniform_(linear.weight!);
        }

        return model;
    }

    private static void Say(ToolConsole console, FormattableString text) => console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private sealed class StepProgress(IProgress<WorkProgress> view) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) =>
            view.Report(new WorkProgress($"epoch {value.Epoch}/{value.Epochs}", "training", value.Step, value.Steps, value.Loss));
    }
}

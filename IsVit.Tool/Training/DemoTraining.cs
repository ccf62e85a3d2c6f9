using System.Globalization;
using IsVit.Core.Models;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Progress;
using TorchSharp;

namespace IsVit.Tool.Training;

/// <summary>Training the demo's model, from the data's folder to the files.</summary>
internal static class DemoTraining
{
    /// <summary>Trains and writes.</summary>
    /// <param name="console">Where to show progress.</param>
    /// <param name="dataFolder">Fashion-MNIST's four files.</param>
    /// <param name="outputFolder">Receives the files.</param>
    /// <param name="options">The recipe.</param>
    /// <param name="cancellationToken">Stops within one step.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, string dataFolder, string outputFolder, DemoTrainingOptions options, CancellationToken cancellationToken)
    {
        var data = FashionMnist.Load(dataFolder);
        Directory.CreateDirectory(outputFolder);
        torch.manual_seed(options.Seed);
        using var model = ModelCatalog.Create(ModelCatalog.Demo);
        var accuracy = ProgressView.Run(console, "train-demo", view => new DemoTrainer(options).Train(
            model,
            data,
            new StepProgress(view),
            (epoch, percent) =>
            {
                console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: {percent:F2} % of the test images right"));
                model.save(Path.Combine(outputFolder, "checkpoint.dat"));
            },
            cancellationToken));
        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"test accuracy {accuracy:F2} %"));
        return ExitCode.Success;
    }

    private sealed class StepProgress(IProgress<WorkProgress> view) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) =>
            view.Report(new WorkProgress($"epoch {value.Epoch}/{value.Epochs}", "train", value.Step, value.Steps, value.Loss));
    }
}

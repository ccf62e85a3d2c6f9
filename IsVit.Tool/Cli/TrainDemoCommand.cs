using System.CommandLine;
using IsVit.Tool.Data;
using IsVit.Tool.Training;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit train-demo</c>: trains the demo's model and writes the demo's files.</summary>
internal static class TrainDemoCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var defaults = new DemoTrainingOptions();
        var data = PathOptions.Default("--data", "DIR", "The folder with Fashion-MNIST's four IDX files", FashionMnist.DefaultFolder);
        var epochs = Ranged.Int32("--epochs", "Passes over the training images", defaults.Epochs, 1, 1000);
        var seed = Ranged.Int32("--seed", "Fixes initial weights, order, augmentation and the choice of images", defaults.Seed, 0, int.MaxValue);
        var limit = Ranged.Int32("--training-images", "Use only the first N training images, for a quick try", 60_000, 1_024, 60_000);
        var output = PathOptions.Default("--output", "DIR", "The folder to write weights, images and the model card to", "demo-assets");
        var command = new Command("train-demo", "Train the demo's small vision transformer on Fashion-MNIST and write the files that 'isvit demo' uses.")
        {
            data, epochs, seed, limit, output,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => DemoTraining.Run(
                console,
                parsed.GetValue(data)!,
                parsed.GetValue(output)!,
                defaults with { Epochs = parsed.GetValue(epochs), Seed = parsed.GetValue(seed), TrainingImages = parsed.GetValue(limit) },
                cancellationToken),
            CancellationToken.None));
        return command;
    }
}

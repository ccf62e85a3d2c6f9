using System.CommandLine;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using IsVit.Tool.Terminal;
using IsVit.Tool.Training;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit train-demo</c>: trains one of the demo's models and writes the demo's files.</summary>
internal static class TrainDemoCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var names = DemoModel.All.Select(static demo => demo.Name).ToArray();
        var model = new Option<string>("--model")
        {
            Description = $"Which model: {string.Join(", ", names)}",
            HelpName = "NAME",
            DefaultValueFactory = _ => names[0],
        }.AcceptOnlyFromAmong(names);
        var data = PathOptions.Default("--data", "DIR", "The folder with Fashion-MNIST's four IDX files", FashionMnist.DefaultFolder);
        var epochs = Ranged.OptionalInt32("--epochs", $"Passes over the training images; if not given: {string.Join(", ", DemoModel.All.Select(static demo => $"{demo.Training.Epochs} for {demo.Name}"))}", 1, 1000);
        var seed = Ranged.Int32("--seed", "Fixes initial weights, order, augmentation and the choice of images", 0, 0, int.MaxValue);
        var limit = Ranged.Int32("--training-images", "Use only the first N training images, for a quick try", 60_000, 1_024, 60_000);
        var output = PathOptions.Default("--output", "DIR", "The folder to write weights, images and the model card to", "demo-assets");
        var command = new Command("train-demo", "Train one of the demo's small vision transformers on Fashion-MNIST and write the files that 'isvit demo' uses.")
        {
            model, data, epochs, seed, limit, output,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                var demo = DemoModel.Find(parsed.GetRequiredValue(model));
                var options = demo.Training with { Epochs = parsed.GetValue(epochs) ?? demo.Training.Epochs, Seed = parsed.GetValue(seed), TrainingImages = parsed.GetValue(limit) };
                return DemoTraining.Run(console, demo, parsed.GetRequiredValue(data), parsed.GetRequiredValue(output), options, cancellationToken);
            },
            CancellationToken.None));
        return command;
    }
}

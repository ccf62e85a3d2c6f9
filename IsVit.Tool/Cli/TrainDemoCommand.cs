using System.CommandLine;
using IsVit.Detection.Models;
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
        string[] names = [.. DemoModel.All.Select(static demo => demo.Name), DetectorCatalog.Demo];
        var model = new Option<string>("--model")
        {
            Description = $"Which model: {string.Join(", ", names)} (the last a detector, on scenes composed from the images)",
            HelpName = "NAME",
            DefaultValueFactory = _ => names[0],
        }.AcceptOnlyFromAmong(names);
        var data = PathOptions.Default("--data", "DIR", "The folder with Fashion-MNIST's four IDX files", FashionMnist.DefaultFolder);
        var epochs = Ranged.OptionalInt32("--epochs", $"Of a classifier, passes over the training images; if not given: {string.Join(", ", DemoModel.All.Select(static demo => $"{demo.Training.Epochs} for {demo.Name}"))}", 1, 1000);
        var steps = Ranged.OptionalInt32("--steps", $"Of the detector, steps of {new DetectorDemoOptions().BatchSize} scenes; if not given: {new DetectorDemoOptions().Steps}", 1, 10_000_000);
        var resume = PathOptions.Optional("--resume", "FILE", $"Of the detector, weights that a run left beside its output ({DetectorDemoTraining.CheckpointSuffix}), to go on from");
        var seed = Ranged.Int32("--seed", "Fixes initial weights, order, augmentation and the choice of images", 0, 0, int.MaxValue);
        var limit = Ranged.Int32("--training-images", "Use only the first N training images, for a quick try", 60_000, 1_024, 60_000);
        var output = PathOptions.Default("--output", "DIR", "The folder to write weights, images and the model card to", "demo-assets");
        var command = new Command("train-demo", "Train one of the demo's small models on Fashion-MNIST and write the files that 'isvit demo' uses.")
        {
            model, data, epochs, steps, resume, seed, limit, output,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                var name = parsed.GetRequiredValue(model);
                if (name == DetectorCatalog.Demo)
                {
                    parsed.Refuse(epochs, $"--epochs is of classifiers; {name} takes --steps.");
                    var recipe = new DetectorDemoOptions();
                    recipe = recipe with { Steps = parsed.GetValue(steps) ?? recipe.Steps, Seed = parsed.GetValue(seed), TrainingImages = parsed.GetValue(limit) };
                    return DetectorDemoTraining.Run(console, DetectorCatalog.Find(name), parsed.GetRequiredValue(data), parsed.GetRequiredValue(output), recipe, parsed.GetValue(resume), cancellationToken);
                }

                parsed.Refuse(steps, $"--steps is of detectors; {name} takes --epochs.");
                parsed.Refuse(resume, $"--resume is of detectors; {name} is trained in one run.");
                var demo = DemoModel.Find(name);
                var options = demo.Training with { Epochs = parsed.GetValue(epochs) ?? demo.Training.Epochs, Seed = parsed.GetValue(seed), TrainingImages = parsed.GetValue(limit) };
                return DemoTraining.Run(console, demo, parsed.GetRequiredValue(data), parsed.GetRequiredValue(output), options, cancellationToken);
            },
            CancellationToken.None));
        return command;
    }
}

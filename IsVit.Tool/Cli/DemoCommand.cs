using System.CommandLine;
using IsVit.Tool.Demo;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit demo</c>.</summary>
internal static class DemoCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var defaults = new DemoArguments();
        var output = PathOptions.Default("--output", "DIR", "The folder to write the I&S-ViT models to", defaults.Output);
        var iterations = Ranged.Int32("--iterations", "Steps a unit and stage, for the methods that reconstruct", defaults.Iterations, 0, 1_000_000);
        var calibrationCount = Ranged.Int32("--calibration-count", "Use the first N calibration images", defaults.CalibrationCount, 1, DemoAssets.CalibrationCount);
        var testCount = Ranged.Int32("--test-count", "Use the first N test images", defaults.TestCount, 1, DemoAssets.TestCount);
        var sceneCount = Ranged.Int32("--scene-count", "Use the first N test scenes for the detector", defaults.SceneCount, 1, DemoScenes.TestCount);
        var seed = Ranged.Int32("--seed", "Fixes every random choice", defaults.Seed, 0, int.MaxValue);
        var assets = PathOptions.Default("--assets", "DIR", "The folder that 'isvit train-demo' wrote, if not the one that comes with the tool", defaults.Assets);
        var command = new Command("demo", "Quantize a small trained vision transformer in every way and compare the results; needs no file and no network.")
        {
            output, iterations, calibrationCount, testCount, sceneCount, seed, assets,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => DemoRun.Run(
                console,
                new DemoArguments
                {
                    Output = parsed.GetRequiredValue(output),
                    Iterations = parsed.GetValue(iterations),
                    CalibrationCount = parsed.GetValue(calibrationCount),
                    TestCount = parsed.GetValue(testCount),
                    SceneCount = parsed.GetValue(sceneCount),
                    Seed = parsed.GetValue(seed),
                    Assets = parsed.GetRequiredValue(assets),
                },
                cancellationToken),
            CancellationToken.None));
        return command;
    }
}

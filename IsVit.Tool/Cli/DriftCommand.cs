using System.CommandLine;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit drift</c>.</summary>
internal static class DriftCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var quantized = PathOptions.Required("--quantized", "FILE", $"The {QuantizeRun.ModelFile} that 'isvit quantize' saved");
        var images = PathOptions.Required("--images", "DIR", "The images to compare, class folders included");
        var count = Ranged.Int32("--count", "How many images of a fixed shuffle to compare", DriftRun.SampleSize, DriftRun.SmallestSample, 65_536);
        var crop = ModelOptions.SavedCrop();
        var resize = ModelOptions.SavedResize();
        var skipUnreadable = ImageOptions.SkipUnreadable();
        var device = EngineOptions.Device();
        var json = PathOptions.Optional("--json", "FILE", "The file to write the report to");
        var command = new Command("drift", "Tell whether images are unlike those that a model was calibrated on, site by site.")
        {
            quantized, images, count, crop, resize, skipUnreadable, device, json,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => DriftRun.Run(
                console,
                new DriftArguments(
                    parsed.GetRequiredValue(quantized),
                    parsed.GetRequiredValue(images),
                    parsed.GetValue(count),
                    parsed.Preparation(crop, resize),
                    parsed.GetValue(json),
                    parsed.GetValue(skipUnreadable),
                    parsed.GetRequiredValue(device)),
                cancellationToken),
            CancellationToken.None));
        return command;
    }
}

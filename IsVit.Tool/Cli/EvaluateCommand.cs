using System.CommandLine;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit evaluate</c>.</summary>
internal static class EvaluateCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var quantized = PathOptions.Required("--quantized", "FILE", $"The {QuantizeRun.ModelFile} that 'isvit quantize' or 'isvit demo' saved, or the .onnx file that 'isvit export' wrote");
        var weights = PathOptions.Optional("--weights", "FILE", "The float weights, to compare the logits with");
        var labels = ImageOptions.Labels();
        var images = ImageOptions.Images();
        var batch = Ranged.Int32("--batch", "Images at once", 64, 1, 65_536);
        var crop = ModelOptions.SavedCrop();
        var skipUnreadable = ImageOptions.SkipUnreadable();
        var device = EngineOptions.Device();
        var json = PathOptions.Optional("--json", "FILE", "The file to write the report to");
        var command = new Command("evaluate", "Measure a saved quantized model on labelled images.")
        {
            quantized, weights, labels, images, batch, crop, skipUnreadable, device, json,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => EvaluateRun.Run(
                console,
                new EvaluateArguments(
                    parsed.GetRequiredValue(quantized),
                    parsed.GetValue(weights),
                    parsed.GetValue(images),
                    parsed.GetValue(labels),
                    parsed.GetValue(batch),
                    parsed.GetValue(crop),
                    parsed.GetValue(json),
                    parsed.GetValue(skipUnreadable),
                    parsed.GetRequiredValue(device)),
                cancellationToken),
            CancellationToken.None));
        return command;
    }
}

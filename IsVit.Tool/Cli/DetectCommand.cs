using System.CommandLine;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit detect</c>.</summary>
internal static class DetectCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var images = PathOptions.Images("Image files");
        var model = PathOptions.Optional("--model", "NAME", "The detector's name in the catalogue, e.g. mask_rcnn_swin_tiny; a file of 'isvit quantize' says it itself");
        var weights = PathOptions.Optional("--weights", "FILE", "Its float weights, with MMDetection's tensor names");
        var quantized = PathOptions.Optional("--quantized", "FILE", "A quantized detector that was saved, instead of float weights");
        var classes = ModelOptions.Classes();
        var score = Ranged.OptionalDouble("--score", "Leave out what has a lower score; 0.3 if not given", 0, 1);
        var output = PathOptions.Default("--output", "DIR", "The folder for the pictures and results.json", "detections");
        var command = new Command("detect", "Detect objects: a picture with boxes and masks for each image, and a file in COCO's results format.") { images, model, weights, quantized, classes, score, output, new ConfigOption() };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => DetectRun.Run(
                console,
                new DetectArguments(
                    parsed.GetRequiredValue(images),
                    parsed.GetValue(model),
                    parsed.GetValue(weights),
                    parsed.GetValue(quantized),
                    parsed.GetValue(classes),
                    parsed.GetValue(score) ?? 0.3,
                    parsed.GetRequiredValue(output)),
                cancellationToken),
            CancellationToken.None));
        return command;
    }
}

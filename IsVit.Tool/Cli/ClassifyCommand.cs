using System.CommandLine;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit classify</c>.</summary>
internal static class ClassifyCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var images = PathOptions.Images("Image files, or folders of them");
        var quantized = PathOptions.Optional("--quantized", "FILE", $"The {QuantizeRun.ModelFile} that 'isvit quantize' or 'isvit demo' saved, or the .onnx file that 'isvit export' wrote");
        var model = ModelOptions.Name();
        var weights = PathOptions.Optional("--weights", "FILE", "Float weights, or the folder of a model hub's snapshot: the model that answers, or with --quantized the one whose answers are shown beside");
        var imageSize = ModelOptions.ImageSize();
        var windowSize = ModelOptions.WindowSize();
        var crop = ModelOptions.Crop();
        var resize = ModelOptions.Resize();
        var top = Ranged.Int32("--top", "Show so many classes of each image", 5, 1, 1000);
        var classNames = PathOptions.Optional("--class-names", "FILE", "A text with the name of one class a line, where the model's file does not have them");
        var predictions = PathOptions.Optional("--predictions", "CSV", "The file to write the answers to: file, rank, class, name, probability");
        var skipUnreadable = ImageOptions.SkipUnreadable();
        var device = EngineOptions.Device();
        var command = new Command("classify", "Say what is in images: the likeliest classes of each.")
        {
            images, quantized, model, weights, imageSize, windowSize, crop, resize, top, classNames, predictions, skipUnreadable, device,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                if (parsed.GetValue(quantized) is not null)
                {
                    parsed.Refuse(model, "--quantized says which model it is; leave out --model.");
                    parsed.Refuse(imageSize, "--quantized has the size of its images; leave out --image-size.");
                }

                return ClassifyRun.Run(
                    console,
                    new ClassifyArguments(
                        parsed.GetRequiredValue(images),
                        parsed.GetValue(quantized),
                        parsed.GetValue(weights),
                        new() { Model = parsed.GetValue(model), ImageSize = parsed.GetValue(imageSize), WindowSize = parsed.GetValue(windowSize) },
                        parsed.Preparation(crop, resize),
                        parsed.GetValue(top),
                        parsed.GetValue(classNames),
                        parsed.GetValue(predictions),
                        parsed.GetValue(skipUnreadable),
                        parsed.GetRequiredValue(device)),
                    cancellationToken);
            },
            CancellationToken.None));
        return command;
    }
}

using System.CommandLine;
using IsVit.Tool.Inputs;
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
        var quantized = PathOptions.Optional("--quantized", "FILE", $"The {QuantizeRun.ModelFile} that 'isvit quantize' or 'isvit demo' saved, or the .onnx file that 'isvit export' wrote");
        var model = PathOptions.Optional("--model", "NAME", "Of a detector without --quantized, or in a file that another program saved: its name in the catalogue, e.g. mask_rcnn_swin_tiny");
        var weights = PathOptions.Optional("--weights", "FILE", "The float weights, to compare with; a detector's can be measured alone");
        var classes = Ranged.OptionalInt32("--classes", "Of a detector: the number of classes, if neither the file nor the categories of --coco say it", 1, 1_000_000);
        var labels = ImageOptions.Labels();
        var images = KindOptions.Images();
        var coco = KindOptions.Coco();
        var testCount = KindOptions.TestCount();
        var perClass = KindOptions.PerClass();
        var batch = Ranged.Int32("--batch", "Images at once", 64, 1, 65_536);
        var crop = ModelOptions.SavedCrop();
        var resize = ModelOptions.SavedResize();
        var skipUnreadable = ImageOptions.SkipUnreadable();
        var device = EngineOptions.Device();
        var json = PathOptions.Optional("--json", "FILE", "The file to write the report to");
        var command = new Command("evaluate", "Measure a saved quantized classifier on labelled images, or a detector, quantized or not, on images with COCO's annotations.")
        {
            quantized, model, weights, classes, labels, images, coco, testCount, perClass, batch, crop, resize, skipUnreadable, device, json, new ConfigOption(),
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                var file = parsed.GetValue(quantized);
                var name = parsed.GetValue(model);
                if (file is null && name is null)
                {
                    throw new ToolException("there is no model to evaluate; give --quantized, or --model and --weights of a detector.");
                }

                if (file is null ? ModelKinds.IsDetector(name!) : ModelKinds.IsDetector(file, name))
                {
                    parsed.RefuseForDetector(
                        (labels, "it is scored with --coco"),
                        (crop, "it sees whole images"),
                        (resize, "it sees whole images"),
                        (batch, "it sees one image at a time, since padding changes what is found"));
                    return EvaluateDetectorRun.Run(
                        console,
                        new EvaluateDetectorArguments(
                            name,
                            parsed.GetValue(weights),
                            file,
                            parsed.GetValue(classes),
                            parsed.GetValue(coco),
                            parsed.GetValue(images),
                            parsed.GetValue(testCount),
                            parsed.GetValue(perClass),
                            parsed.GetValue(json),
                            parsed.GetValue(skipUnreadable),
                            parsed.GetRequiredValue(device)),
                        cancellationToken);
                }

                if (file is null)
                {
                    throw new ToolException($"'{name}' is a classifier, of which a quantized one is evaluated: give --quantized, the file that 'isvit quantize' saved{(parsed.GetValue(weights) is null ? "" : ", beside --weights")}, and leave out --model.");
                }

                parsed.Refuse(model, "--quantized says which model it is; leave out --model.");
                parsed.Refuse(classes, "--quantized says how many classes it has; leave out --classes.");
                parsed.RefuseForClassifier(coco, testCount, perClass);
                return EvaluateRun.Run(
                    console,
                    new EvaluateArguments(
                        file,
                        parsed.GetValue(weights),
                        parsed.GetValue(images),
                        parsed.GetValue(labels),
                        parsed.GetValue(batch),
                        parsed.Preparation(crop, resize),
                        parsed.GetValue(json),
                        parsed.GetValue(skipUnreadable),
                        parsed.GetRequiredValue(device)),
                    cancellationToken);
            },
            CancellationToken.None));
        return command;
    }
}

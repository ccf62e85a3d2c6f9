using System.CommandLine;
using IsVit.Core.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Tool.Runs;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit sensitivity</c>.</summary>
internal static class SensitivityCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var model = PathOptions.Required("--model", "NAME", "The model's name in the catalogue, e.g. deit_tiny_patch16_224");
        var weights = PathOptions.Required("--weights", "FILE", "Its float weights: safetensors with timm's tensor names, or TorchSharp's own format");
        var classes = Ranged.OptionalInt32("--classes", "The number of classes, if it is not the model's own", 1, 1_000_000);
        var calibration = PathOptions.Required("--calibration", "DIR", "Images to calibrate with, without labels; subfolders count");
        var calibrationCount = Ranged.Int32("--calibration-count", "Use the first N calibration images of a fixed shuffle, or all if there are fewer", 64, 1, 1_000_000);
        var method = new Option<string>("--method")
        {
            Description = $"Whose quantizers are looked at: {string.Join(", ", QuantizeCommand.Methods)}",
            HelpName = "METHOD",
            DefaultValueFactory = _ => RecipeNames.ISVit,
        }.AcceptOnlyFromAmong([.. QuantizeCommand.Methods]);
        var weightBits = Ranged.Int32("--weight-bits", "The bits by which weights are ranked", 4, BitWidth.Minimum, BitWidth.Maximum);
        var activationBits = Ranged.Int32("--activation-bits", "The bits by which activations are ranked", 4, BitWidth.Minimum, BitWidth.Maximum);
        var widths = MixedPrecisionOptions.Widths("--widths", "The bits that are looked at, all if not given");
        var sensitivity = MixedPrecisionOptions.Method();
        var count = MixedPrecisionOptions.Count();
        var seed = Ranged.Int32("--seed", "Fixes every random choice", 0, 0, int.MaxValue);
        var crop = Ranged.OptionalDouble("--crop", "The centre crop, as a part of the resized short side, if it is not the model's own", 0, 1);
        var skipUnreadable = ImageOptions.SkipUnreadable();
        var device = EngineOptions.Device();
        var json = PathOptions.Optional("--json", "FILE", "The file to write the report to");
        var command = new Command("sensitivity", "Show how much a model's outputs change when one operand of one matrix product is quantized, for all of them, at several bit widths.")
        {
            model, weights, classes, calibration, calibrationCount, method, weightBits, activationBits, widths, sensitivity, count, seed, crop, skipUnreadable, device, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            var arguments = new SensitivityArguments
            {
                Model = parsed.GetRequiredValue(model),
                Weights = parsed.GetRequiredValue(weights),
                ClassCount = parsed.GetValue(classes),
                Calibration = parsed.GetRequiredValue(calibration),
                CalibrationCount = parsed.GetValue(calibrationCount),
                Method = parsed.GetRequiredValue(method),
                WeightBits = parsed.GetValue(weightBits),
                ActivationBits = parsed.GetValue(activationBits),
                Widths = parsed.GetValue(widths) is { Length: > 0 } list ? list : null,
                Sensitivity = parsed.GetValue(sensitivity),
                SensitivityCount = parsed.GetValue(count),
                Seed = parsed.GetValue(seed),
                Crop = parsed.GetValue(crop),
                SkipUnreadable = parsed.GetValue(skipUnreadable),
                Device = parsed.GetRequiredValue(device),
                Json = parsed.GetValue(json),
            };
            return Task.Run(() => SensitivityRun.Run(console, arguments, cancellationToken), CancellationToken.None);
        });
        return command;
    }
}

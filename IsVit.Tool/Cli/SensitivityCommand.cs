using System.CommandLine;
using IsVit.Model.Quantization;
using IsVit.Reports;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit sensitivity</c>.</summary>
internal static class SensitivityCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var model = ModelOptions.Name();
        var weights = ModelOptions.Weights();
        var imageSize = ModelOptions.ImageSize();
        var windowSize = ModelOptions.WindowSize();
        var prefix = ModelOptions.Prefix();
        var skip = ModelOptions.Skip();
        var classes = ModelOptions.Classes();
        var calibration = ModelOptions.Calibration();
        var calibrationCount = ModelOptions.CalibrationCount(64);
        var method = QuantizeCommand.Method("Whose quantizers are looked at");
        var weightBits = Ranged.Int32("--weight-bits", "The bits by which weights are ranked", 4, BitWidth.Minimum, BitWidth.Maximum);
        var activationBits = Ranged.Int32("--activation-bits", "The bits by which activations are ranked", 4, BitWidth.Minimum, BitWidth.Maximum);
        var widths = MixedPrecisionOptions.Widths("--widths", "The bits that are looked at, all if not given");
        var sensitivity = MixedPrecisionOptions.Method();
        var count = MixedPrecisionOptions.Count();
        var seed = ModelOptions.Seed();
        var crop = ModelOptions.Crop();
        var resize = ModelOptions.Resize();
        var skipUnreadable = ImageOptions.SkipUnreadable();
        var device = EngineOptions.Device();
        var json = PathOptions.Optional("--json", "FILE", "The file to write the report to");
        var report = PathOptions.Optional("--report", "DIR", $"The folder to write {ModelReports.PageFile} to, a page to look at, and the numbers behind it");
        var command = new Command("sensitivity", "Show how much a model's outputs change when one operand of one matrix product is quantized, for all of them, at several bit widths.")
        {
            model, weights, imageSize, windowSize, prefix, skip, classes, calibration, calibrationCount, method, weightBits, activationBits, widths, sensitivity, count, seed, crop, resize, skipUnreadable, device, json, report, new ConfigOption(),
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            var arguments = new SensitivityArguments
            {
                Pretrained = parsed.Pretrained(model, imageSize, windowSize, prefix, skip),
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
                Preparation = parsed.Preparation(crop, resize),
                SkipUnreadable = parsed.GetValue(skipUnreadable),
                Device = parsed.GetRequiredValue(device),
                Json = parsed.GetValue(json),
                Report = parsed.GetValue(report),
                CommandLine = string.Join(' ', parsed.Tokens.Select(static token => token.Value)),
            };
            return Task.Run(() => SensitivityRun.Run(console, arguments, cancellationToken), CancellationToken.None);
        });
        return command;
    }
}

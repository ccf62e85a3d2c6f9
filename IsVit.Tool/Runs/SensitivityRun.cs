using System.Globalization;
using IsVit.Core.Graph;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Reports;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit sensitivity</c>: which sites a model's outputs depend on most.</summary>
internal static class SensitivityRun
{
    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops within one forward.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, SensitivityArguments arguments, CancellationToken cancellationToken)
    {
        if (arguments.Pretrained.Model is { } name)
        {
            ModelKinds.RequireClassifierName(name, "sensitivity");
        }

        var files = ImageInput.Calibration(arguments.Calibration, arguments.CalibrationCount);
        if (arguments.Json is not null)
        {
            JsonFile.RequireWritable(arguments.Json);
        }

        if (arguments.Report is not null)
        {
            ReportFolder.Create(arguments.Report);
        }

        using var source = ModelInput.Open(arguments.Weights, arguments.Pretrained, arguments.ClassCount, console.Out);
        var preset = source.Preset(arguments.Preparation);
        using var model = source.Load();
        model.to(arguments.Device);
        using var calibration = ImageInput.Load(files, preset.Preprocessing, ImageInput.Loading(arguments.SkipUnreadable, console.Error), arguments.Device, cancellationToken);
        var quantizer = ModelQuantizer.Create(options =>
        {
            options.Recipe = arguments.Method;
            options.WeightBits = arguments.WeightBits;
            options.ActivationBits = arguments.ActivationBits;
            options.Seed = arguments.Seed;
            options.OutputMetric = model.HasHead ? options.OutputMetric : OutputMetric.Values;
        });
        var sensitivity = new SensitivityOptions { Method = arguments.Sensitivity, ImageCount = arguments.SensitivityCount };
        if (arguments.Widths is not null)
        {
            sensitivity.Widths = [.. arguments.Widths];
        }

        var report = ProgressView.Run(
            console, $"{preset.Name}", view => quantizer.MeasureSensitivity(ModelForward.Of(model), calibration, sensitivity, new QuantizationRun { Progress = new EngineProgress(view) }, cancellationToken));
        SensitivityTable.Write(console.Ansi, report);
        console.Out.WriteLine(SensitivityTable.Summary(report));
        var aftermath = new Aftermath(console);
        aftermath.WriteReport(arguments.Json, SensitivityJson.Create(preset.Name, report), SensitivityJsonContext.Default.SensitivityJson);
        if (arguments.Report is { } folder)
        {
            aftermath.Do($"the report cannot be written to {folder}", () =>
            {
                report.SaveReport(folder, new()
                {
                    Title = $"{preset.Name}, sensitivity",
                    Facts =
                    [
                        new("command", $"isvit {arguments.CommandLine}"),
                        new("model", preset.Name),
                        new("seed", arguments.Seed.ToString(CultureInfo.InvariantCulture)),
                        InputHashes.OfFile("weights", arguments.Weights),
                        InputHashes.OfImages("calibration images", arguments.Calibration, files),
                    ],
                });
                console.Out.WriteLine($"report {Path.Combine(folder, ModelReports.PageFile)}");
            });
        }

        return aftermath.ExitCode;
    }
}

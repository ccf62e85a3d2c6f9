using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using IsVit.Tool.Workloads;

namespace IsVit.Tool.Runs;

/// <summary>The bits that sites get within the budget of <c>isvit quantize --budget</c>.</summary>
internal static class SiteBitChoice
{
    /// <summary>Finds out what bits do, chooses, and shows the choice.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for; it has a budget.</param>
    /// <param name="configure">Sets the options that the model will be quantized with.</param>
    /// <param name="model">The float model; left as it is.</param>
    /// <param name="calibration">The calibration images.</param>
    /// <param name="cancellationToken">Stops within one forward.</param>
    public static BitAllocation Make(
        ToolConsole console, QuantizeArguments arguments, Action<QuantizationOptions> configure, ModelForward model, InMemorySamples calibration, CancellationToken cancellationToken)
    {
        var sensitivity = new SensitivityOptions { Method = arguments.Sensitivity, ImageCount = arguments.SensitivityCount };
        var allowed = new BitAllocationOptions();
        if (arguments.AllowedBits is not null)
        {
            allowed.AllowedBits = [.. arguments.AllowedBits];
            sensitivity.Widths = [.. arguments.AllowedBits];
        }

        var quantizer = ModelQuantizer.Create(configure);
        var report = ProgressView.Run(
            console, arguments.Title, view => quantizer.MeasureSensitivity(model, calibration, sensitivity, new QuantizationRun { Progress = new EngineProgress(view) }, cancellationToken));
        console.Out.WriteLine(SensitivityTable.Summary(report));
        var allocation = BitAllocation.Choose(report, arguments.Budget!, allowed);
        AllocationTable.Write(console, allocation);
        return allocation;
    }
}

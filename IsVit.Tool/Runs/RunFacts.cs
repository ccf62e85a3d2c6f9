using System.Globalization;
using IsVit.Reports.Contents;
using IsVit.Tool.Workloads;
using Microsoft.Extensions.Configuration;

namespace IsVit.Tool.Runs;

/// <summary>What it takes to repeat a run.</summary>
internal static class RunFacts
{
    /// <summary>The facts of a quantization, beside those that the model itself knows.</summary>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="work">The model and its images.</param>
    public static IReadOnlyList<ReportFact> Of(QuantizeArguments arguments, IWorkload work) =>
    [
        new("command", $"isvit {arguments.CommandLine}"),
        new("model", work.Name),
        new("iterations", arguments.Iterations?.ToString(CultureInfo.InvariantCulture) ?? "the method's"),
        new("batch", arguments.BatchSize.ToString(CultureInfo.InvariantCulture)),
        new("tuning steps", arguments.TuningSteps.ToString(CultureInfo.InvariantCulture)),
        .. arguments.Engine is null ? [] : (ReportFact[])[new("options of the engine", string.Join(", ", arguments.Engine.AsEnumerable().Where(static entry => entry.Value is not null).Select(static entry => $"{entry.Key} {entry.Value}")))],
        .. work.HashInputs(),
    ];
}

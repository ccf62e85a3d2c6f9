using System.Text.Json.Serialization;
using IsVit.Model.Statistics;
using IsVit.Optimization.Drift;

namespace IsVit.Tool.Reporting;

/// <summary>What <c>isvit drift --json</c> writes: one object. Shares are 0 to 1.</summary>
/// <param name="HasDrifted">Whether any site exceeds a limit.</param>
/// <param name="ImageCount">How many images were compared.</param>
/// <param name="CalibrationImageCount">With how many calibration images.</param>
/// <param name="Sites">Each site, the worst first.</param>
internal sealed record DriftJson(bool HasDrifted, int ImageCount, int CalibrationImageCount, IReadOnlyList<SiteDriftJson> Sites)
{
    /// <summary>A report as this object.</summary>
    /// <param name="report">The report.</param>
    public static DriftJson Of(DriftReport report) => new(
        report.HasDrifted,
        report.ImageCount,
        report.CalibrationImageCount,
        [.. report.Sites.Select(static site => new SiteDriftJson(site.Site.Id, site.HasDrifted, site.Shift, site.ShiftLimit, site.ClippedChange, site.ClippedLimit, site.Calibration, site.Observed))]);
}

/// <summary>A site in <see cref="DriftJson"/>.</summary>
/// <param name="Name">Path and operand.</param>
/// <param name="HasDrifted">Whether it exceeds a limit.</param>
/// <param name="Shift">The total variation of the code shares.</param>
/// <param name="ShiftLimit">Its limit.</param>
/// <param name="ClippedChange">The total variation of the shares below, within and above the range.</param>
/// <param name="ClippedLimit">Its limit.</param>
/// <param name="Calibration">Activations on the calibration images.</param>
/// <param name="Observed">Activations on the images.</param>
internal sealed record SiteDriftJson(
    string Name, bool HasDrifted, double Shift, double ShiftLimit, double ClippedChange, double ClippedLimit, ActivationStatistics Calibration, ActivationStatistics Observed);

/// <summary>Serializes <see cref="DriftJson"/> without reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(DriftJson))]
internal sealed partial class DriftJsonContext : JsonSerializerContext;

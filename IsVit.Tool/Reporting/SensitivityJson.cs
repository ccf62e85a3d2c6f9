using System.Text.Json.Serialization;
using IsVit.Optimization.MixedPrecision;

namespace IsVit.Tool.Reporting;

/// <summary>What <c>isvit sensitivity --json</c> writes.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Method">The recipe whose quantizers were looked at.</param>
/// <param name="Sensitivity">Measured or estimated.</param>
/// <param name="Metric">What divergences are of.</param>
/// <param name="ImageCount">On how many images.</param>
/// <param name="RankCorrelation">Whether estimates rank as measurements do, -1 to 1.</param>
/// <param name="Seconds">The time taken.</param>
/// <param name="OtherParameterBytes">What the parameters take that are no sites.</param>
/// <param name="Sites">The sites, in the order in which they run.</param>
internal sealed record SensitivityJson(
    string Model,
    string Method,
    string Sensitivity,
    string Metric,
    int ImageCount,
    double? RankCorrelation,
    double Seconds,
    long OtherParameterBytes,
    IReadOnlyList<SiteSensitivityJson> Sites)
{
    /// <summary>Puts a report in the form of the file.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="report">The report.</param>
    public static SensitivityJson Create(string model, SensitivityReport report) => new(
        model,
        report.Recipe,
        report.Method.ToString(),
        report.Metric.ToString(),
        report.ImageCount,
        report.RankCorrelation,
        report.Duration.TotalSeconds,
        report.OtherParameterBytes,
        [
            .. report.Sites.Select(static site => new SiteSensitivityJson(
                site.Site.Id,
                site.Site.Role.ToString(),
                site.Spec.Scheme,
                site.Spec.Granularity.ToString()!,
                site.Group,
                site.IsPinned,
                site.Elements,
                site.MultiplyAccumulates,
                [.. site.Widths.Select(static width => new WidthSensitivityJson(width.Bits, width.Divergence, width.Measured, width.Estimated, width.OutputError, width.QuantizationError))])),
        ]);
}

/// <summary>A site in <see cref="SensitivityJson"/>.</summary>
/// <param name="Site">Its identifier.</param>
/// <param name="Role">What its numbers are.</param>
/// <param name="Scheme">The quantizer's scheme.</param>
/// <param name="Granularity">Which numbers share a scale.</param>
/// <param name="Group">What it has in common with the sites that must have the same bits.</param>
/// <param name="IsPinned">Whether an override gives it its bits.</param>
/// <param name="Elements">How many numbers it has, for one image.</param>
/// <param name="MultiplyAccumulates">The steps of its product, for one image.</param>
/// <param name="Widths">What each width does.</param>
internal sealed record SiteSensitivityJson(
    string Site,
    string Role,
    string Scheme,
    string Granularity,
    string Group,
    bool IsPinned,
    long Elements,
    long MultiplyAccumulates,
    IReadOnlyList<WidthSensitivityJson> Widths);

/// <summary>A width in <see cref="SensitivityJson"/>.</summary>
/// <param name="Bits">The bits.</param>
/// <param name="Divergence">What bits are chosen by.</param>
/// <param name="Measured">The measured divergence.</param>
/// <param name="Estimated">The estimated one.</param>
/// <param name="OutputError">The mean squared change of an output.</param>
/// <param name="QuantizationError">The mean squared error of the site's numbers.</param>
internal sealed record WidthSensitivityJson(int Bits, double Divergence, double? Measured, double Estimated, double? OutputError, double QuantizationError);

/// <summary>Serializes <see cref="SensitivityJson"/> without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(SensitivityJson))]
internal sealed partial class SensitivityJsonContext : JsonSerializerContext;

using System.Globalization;
using System.Runtime.InteropServices;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Reports.Contents;
using TorchSharp;

namespace IsVit.Reports.Measuring;

/// <summary>What a model or a measurement knows of its run, and where it was looked at.</summary>
internal static class ReportFacts
{
    /// <summary>The facts.</summary>
    /// <param name="quantized">The model.</param>
    public static IEnumerable<ReportFact> Of(QuantizedModel quantized)
    {
        if (quantized.Report is { } report)
        {
            yield return new("recipe", report.Recipe);
            yield return new("bits of weights", Text(report.WeightBits));
            yield return new("bits of activations", Text(report.ActivationBits));
            yield return new("seed", Text(report.Seed));
            yield return new("calibration samples", Text(report.ImageCount));
            yield return new("seconds", Text(Math.Round(report.Duration.TotalSeconds, 1)));
        }

        yield return new("device", quantized.Model.parameters().FirstOrDefault()?.device.ToString() ?? "none");
        foreach (var fact in Surroundings())
        {
            yield return fact;
        }
    }

    /// <summary>The facts of a measurement of sensitivities.</summary>
    /// <param name="sensitivity">What was measured.</param>
    public static IEnumerable<ReportFact> Of(SensitivityReport sensitivity) =>
    [
        new("recipe", sensitivity.Recipe),
        new("samples", Text(sensitivity.ImageCount)),
        new("seconds", Text(Math.Round(sensitivity.Duration.TotalSeconds, 1))),
        .. Surroundings(),
    ];

    private static IEnumerable<ReportFact> Surroundings()
    {
        yield return new("IsVit", Version(typeof(QuantizedModel)));
        yield return new("TorchSharp", Version(typeof(torch)));
        yield return new(".NET", Environment.Version.ToString());
        yield return new("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {Text(Environment.ProcessorCount)} processors");
    }

    private static string Version(Type type) => type.Assembly.GetName().Version?.ToString() ?? "";

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}

using System.Text;
using System.Text.Json;
using IsVit.Core.Samples;
using IsVit.Model.Files;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Reports.Contents;
using IsVit.Reports.Measuring;
using IsVit.Reports.Page;

namespace IsVit.Reports;

/// <summary>Reports as files.</summary>
public static class ModelReports
{
    /// <summary>The page's file in a report's folder.</summary>
    public const string PageFile = "report.html";

    /// <summary>The numbers' file in a report's folder.</summary>
    public const string JsonFile = "report.json";

    /// <summary>Looks at a quantized model and writes what it finds. A <see cref="ReportRecorder"/> that saw the float model too finds more.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="directory">The folder, which is made if it does not exist; files of an earlier report in it are replaced.</param>
    /// <param name="samples">What the model is looked at with, on its device.</param>
    /// <param name="options">What the report holds.</param>
    /// <exception cref="IOException">The files cannot be written.</exception>
    public static void SaveReport(this QuantizedModel model, string directory, InMemorySamples samples, ReportOptions? options = null)
    {
        using var recorder = new ReportRecorder(model: null, samples, options);
        recorder.Measure(model).Save(directory);
    }

    /// <summary>Writes how sensitive a model is to the quantization of each of its sites as a report.</summary>
    /// <param name="sensitivity">What was measured.</param>
    /// <param name="directory">The folder, which is made if it does not exist; files of an earlier report in it are replaced.</param>
    /// <param name="options">The title, and facts of the run; what else they say is not used.</param>
    /// <exception cref="IOException">The files cannot be written.</exception>
    public static void SaveReport(this SensitivityReport sensitivity, string directory, ReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(sensitivity);
        options ??= new();
        new ModelReport { Title = options.Title, Run = [.. ReportFacts.Of(sensitivity), .. options.Facts], Sensitivity = SensitivityRows.Of(sensitivity) }.Save(directory);
    }

    /// <summary>Writes a report: <see cref="PageFile"/>, which needs no other file and no network, and <see cref="JsonFile"/>.</summary>
    /// <param name="report">The report.</param>
    /// <param name="directory">The folder, which is made if it does not exist; files of an earlier report in it are replaced.</param>
    /// <exception cref="IOException">The files cannot be written.</exception>
    public static void Save(this ModelReport report, string directory)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentException.ThrowIfNullOrWhiteSpace(directory);
        Directory.CreateDirectory(directory);
        Write(Path.Combine(directory, PageFile), report.ToHtml());
        Write(Path.Combine(directory, JsonFile), report.ToJson());
    }

    /// <summary>Compares two reports as a page that needs no other file.</summary>
    /// <param name="comparison">What they tell.</param>
    public static string ToHtml(this ReportComparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        return ComparisonPage.Write(comparison);
    }

    /// <summary>What two reports tell as JSON.</summary>
    /// <param name="comparison">What they tell.</param>
    public static string ToJson(this ReportComparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        return JsonSerializer.Serialize(comparison, ReportJsonContext.Default.ReportComparison);
    }

    /// <summary>The runs of a sweep as a page that needs no other file: score against size and time, and a table.</summary>
    /// <param name="sweep">The runs.</param>
    public static string ToHtml(this SweepReport sweep)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        return SweepPage.Write(sweep);
    }

    /// <summary>The runs of a sweep as JSON.</summary>
    /// <param name="sweep">The runs.</param>
    public static string ToJson(this SweepReport sweep)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        return JsonSerializer.Serialize(sweep, ReportJsonContext.Default.SweepReport);
    }

    /// <summary>Reads a report that <see cref="Save"/> wrote.</summary>
    /// <param name="path">Its folder, or its JSON file.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It holds no report.</exception>
    public static ModelReport Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var file = Directory.Exists(path) ? Path.Combine(path, JsonFile) : path;
        try
        {
            return FromJson(File.ReadAllText(file));
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{file} holds no report: {error.Message}", error);
        }
    }

    /// <summary>The page as text.</summary>
    /// <param name="report">The report.</param>
    public static string ToHtml(this ModelReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return ReportPage.Write(report);
    }

    /// <summary>The numbers as JSON; NaN and infinities are the strings that .NET names them by.</summary>
    /// <param name="report">The report.</param>
    public static string ToJson(this ModelReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return JsonSerializer.Serialize(report, ReportJsonContext.Default.ModelReport);
    }

    /// <summary>Reads what <see cref="ToJson(ModelReport)"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="JsonException">It is no report.</exception>
    public static ModelReport FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return JsonSerializer.Deserialize(json, ReportJsonContext.Default.ModelReport) ?? throw new JsonException("The text is null; expected a report.");
    }

    private static void Write(string path, string text) => WholeFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}

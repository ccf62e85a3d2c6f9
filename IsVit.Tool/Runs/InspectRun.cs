using System.Globalization;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Saved;
using IsVit.Onnx;
using IsVit.Tool.Cli;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using Spectre.Console;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit inspect</c>: what a model's file holds.</summary>
internal static class InspectRun
{
    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="path">The file, or a folder of float weights.</param>
    /// <param name="model">Of float weights, the model that they should fit; null for what they are of.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, string path, string? model)
    {
        if (!Path.Exists(path))
        {
            throw new ToolException($"{path}: no such file.");
        }

        if (Directory.Exists(path) || !(OnnxClassifier.Supports(path) || IsQuantized(path)))
        {
            FloatInspection.Write(console, path, model);
            return ExitCode.Success;
        }

        if (model is not null)
        {
            throw new ToolException($"--model is for float weights, and {path} is a whole model; leave it out.");
        }

        if (OnnxClassifier.Supports(path))
        {
            WriteOnnx(console, OnnxModelInfo.Read(path));
        }
        else
        {
            using var saved = SavedModel.Open(path);
            WritePacked(console, saved);
        }

        return ExitCode.Success;
    }

    // By its texts: what a quantized model's file lacks otherwise is said when it is opened.
    private static bool IsQuantized(string path)
    {
        using var file = WeightFile.Open(path);
        return file.Metadata.Keys.Any(static key => key.StartsWith("isvit.", StringComparison.Ordinal));
    }

    private static void WritePacked(ToolConsole console, SavedModel saved)
    {
        WriteTexts(console, saved.Metadata);
        var table = new ToolTable("site", "role", "quantizer", "bits", "scales", "shape", "bytes") { Dispensable = ["scales", "role", "shape"] };
        var codes = 0L;
        foreach (var site in saved.Sites)
        {
            var quantizer = saved.Quantizers[site.Quantizer];
            var bytes = site.IsWeight ? saved.PackedCodesOf(site).Length : 0;
            codes += bytes;
            table.AddRow(
                site.Site.Id,
                site.Site.Role.ToString(),
                quantizer.Scheme,
                quantizer.Bits.ToString(),
                quantizer.Granularity.ToString()!,
                site.Shape is null ? "-" : Shape(site.Shape),
                site.Shape is null ? "-" : bytes.ToString(CultureInfo.InvariantCulture));
        }

        table.Write(console.Ansi);
        Say(console, $"calibration statistics: {(saved.Statistics is { } statistics ? $"of {statistics.ImageCount} images" : "none")}");
        var other = saved.Parameters.Values.Sum(static parameter => parameter.ByteCount);
        Say(console, $"{saved.FileLength} bytes: {codes} of weights' codes, {other} of what is not quantized, {saved.FileLength - codes - other} of quantizers, names and checksums");
    }

    private static void WriteOnnx(ToolConsole console, OnnxModelInfo info)
    {
        WriteTexts(console, info.Metadata);
        Say(console, $"operators, set {info.OperatorSet}: {string.Join(", ", info.Operators.Select(static entry => $"{entry.Value} {entry.Key}"))}");
        var table = new ToolTable("constant", "type", "shape", "bytes");
        foreach (var constant in info.Constants)
        {
            table.AddRow(constant.Name, constant.Type, constant.Shape.Count == 0 ? "-" : Shape(constant.Shape), constant.Bytes.ToString(CultureInfo.InvariantCulture));
        }

        table.Write(console.Ansi);
        var constants = info.Constants.Sum(static constant => constant.Bytes);
        var types = info.Constants.GroupBy(static constant => constant.Type).Select(static group => (Type: group.Key, Bytes: group.Sum(static constant => constant.Bytes))).OrderByDescending(static group => group.Bytes);
        Say(console, $"{info.FileBytes} bytes: {string.Join(", ", types.Select(static group => $"{group.Bytes} of {group.Type}"))}, {info.FileBytes - constants} of nodes and names");
    }

    private static void WriteTexts(ToolConsole console, IReadOnlyDictionary<string, string> texts)
    {
        foreach (var (key, value) in texts.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
        {
            console.Out.WriteLine($"{key}: {value}");
        }
    }

    private static string Shape(IReadOnlyList<long> lengths) => string.Join(" x ", lengths);

    private static void Say(ToolConsole console, FormattableString text) => console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}

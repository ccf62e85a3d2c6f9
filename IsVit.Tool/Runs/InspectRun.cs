using System.Globalization;
using IsVit.Optimization;
using IsVit.Tool.Cli;
using IsVit.Tool.Reporting;
using Spectre.Console;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit inspect</c>: what a quantized model's file holds.</summary>
internal static class InspectRun
{
    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="path">The file.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, string path)
    {
        if (!File.Exists(path))
        {
            throw new ToolException($"{path}: no such file.");
        }

        var info = QuantizedModelInfo.Read(path);
        foreach (var (key, value) in info.Metadata.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
        {
            console.Out.WriteLine($"{key}: {value}");
        }

        var table = ReportTable.NewTable("site", "role", "quantizer", "bits", "scales", "shape", "bytes");
        foreach (var site in info.Sites)
        {
            table.AddRow(
                Markup.Escape(site.Site.Id),
                site.Site.Role.ToString(),
                Markup.Escape(site.Scheme),
                site.Bits.ToString(),
                Markup.Escape(site.Granularity.ToString()!),
                site.Shape is null ? "-" : string.Join(" x ", site.Shape),
                site.Shape is null ? "-" : site.Bytes.ToString(CultureInfo.InvariantCulture));
        }

        console.Ansi.Write(table);
        var codes = info.Sites.Sum(static site => site.Bytes);
        console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{info.FileBytes} bytes: {codes} of weights' codes, {info.OtherBytes} of what is not quantized, {info.FileBytes - codes - info.OtherBytes} of quantizers, names and checksums"));
        return ExitCode.Success;
    }
}

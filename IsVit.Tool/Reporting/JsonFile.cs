using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Reporting;

/// <summary>Writes a report as a file that appears whole or not at all.</summary>
internal static class JsonFile
{
    /// <summary>Checks, before the work, that the file of <c>--json</c> can be written.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ToolException">It is a folder, or its folder does not exist or cannot be written to.</exception>
    public static void RequireWritable(string path) => OutputFile.RequireWritable(path, "--json");

    /// <summary>Writes a report.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="report">The report.</param>
    /// <param name="type">How it is written.</param>
    public static void Write<T>(string path, T report, JsonTypeInfo<T> type) => OutputFile.Write(path, JsonSerializer.Serialize(report, type) + "\n");
}

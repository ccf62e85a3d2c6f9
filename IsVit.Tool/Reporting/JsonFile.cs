using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace IsVit.Tool.Reporting;

/// <summary>Writes a report as a file that appears whole or not at all.</summary>
internal static class JsonFile
{
    /// <summary>Checks, before the work, that a file can be written.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ToolException">It is a folder, or its folder does not exist or cannot be written to.</exception>
    public static void RequireWritable(string path)
    {
        if (Directory.Exists(path))
        {
            throw new ToolException($"{path}: is a folder; --json names a file.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new ToolException($"{folder}: no such folder, so {Path.GetFileName(path)} cannot be written there.");
        }

        var probe = Temporary(path);
        try
        {
            using (new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose))
            {
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"{path}: cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Writes a report.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="report">The report.</param>
    /// <param name="type">How it is written.</param>
    public static void Write<T>(string path, T report, JsonTypeInfo<T> type)
    {
        var temporary = Temporary(path);
        try
        {
            File.WriteAllText(temporary, JsonSerializer.Serialize(report, type) + "\n");
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static string Temporary(string path) => $"{path}.{Guid.NewGuid():N}.tmp";
}

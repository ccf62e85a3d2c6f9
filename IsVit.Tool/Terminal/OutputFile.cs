using System.Text;
using IsVit.Model.Files;

namespace IsVit.Tool.Terminal;

/// <summary>A file of results that appears whole or not at all.</summary>
internal static class OutputFile
{
    /// <summary>Checks, before the work, that a file can be written.</summary>
    /// <param name="path">The file.</param>
    /// <param name="option">The option that names it, with its dashes.</param>
    /// <exception cref="ToolException">It is a folder, or its folder does not exist or cannot be written to.</exception>
    public static void RequireWritable(string path, string option)
    {
        if (Directory.Exists(path))
        {
            throw new ToolException($"{path}: is a folder; {option} names a file.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new ToolException($"{folder}: no such folder, so {Path.GetFileName(path)} cannot be written there.");
        }

        var probe = $"{path}.{Guid.NewGuid():N}.tmp";
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

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="text">What it holds, as UTF-8.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, string text) => WholeFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}

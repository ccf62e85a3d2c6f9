using IsVit.Reports;
using IsVit.Reports.Contents;

namespace IsVit.Tool.Runs;

/// <summary>Reports in folders that the user names.</summary>
internal static class ReportFolder
{
    /// <summary>Reads a report.</summary>
    /// <param name="path">Its folder, or its JSON file.</param>
    /// <exception cref="ToolException">There is none.</exception>
    public static ModelReport Open(string path)
    {
        if (!File.Exists(Directory.Exists(path) ? Path.Combine(path, ModelReports.JsonFile) : path))
        {
            throw new ToolException($"{path}: expected a folder with {ModelReports.JsonFile}, which 'isvit quantize --report' writes, or that file.");
        }

        try
        {
            return ModelReports.Open(path);
        }
        catch (InvalidDataException error)
        {
            throw new ToolException(error.Message, error);
        }
    }

    /// <summary>Makes a folder before the work, so that a place that cannot be written to is known by then.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="ToolException">It is a file, or cannot be made.</exception>
    public static void Create(string path)
    {
        if (File.Exists(path))
        {
            throw new ToolException($"{path}: is a file; --report names a folder.");
        }

        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"{path}: cannot be written to: {error.Message}", error);
        }
    }
}

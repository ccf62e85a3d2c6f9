using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Imaging.Golden;

/// <summary>Reads what make_golden.py wrote.</summary>
internal static class GoldenTable
{
    private static readonly string Folder = Path.Combine(RepositoryRoot.Path, "IsVit.Tests", "Imaging", "Golden");

    /// <summary>The rows of a table, without its first line, split into cells.</summary>
    public static string[][] Rows(string name) => [.. File.ReadAllLines(Path.Combine(Folder, name)).Skip(1).Select(line => line.Split(','))];

    /// <summary>The path of an image file.</summary>
    public static string ImageFile(string name) => Path.Combine(Folder, "files", name);
}

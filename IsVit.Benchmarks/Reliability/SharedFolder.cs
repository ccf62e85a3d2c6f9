namespace IsVit.Benchmarks.Reliability;

/// <summary>Files that lie beside the repository.</summary>
internal static class SharedFolder
{
    /// <summary>The root of the repository that this program was built in, or null.</summary>
    public static string? Repository { get; } = Find();

    /// <summary>A file below <c>../shared/oracle/formats</c>, or null where it is absent.</summary>
    /// <param name="name">Its path there.</param>
    public static byte[]? Format(string name)
    {
        var path = Repository is null ? null : Path.Combine(Repository, "..", "shared", "oracle", "formats", name);
        return File.Exists(path) ? File.ReadAllBytes(path) : null;
    }

    private static string? Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "IsVit.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName;
    }
}

namespace IsVit.Tests.Tool;

/// <summary>An empty folder for the time of a test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("isvit-tests-").FullName;

    public string Path { get; }

    /// <summary>Every file and folder in it, relative, in order.</summary>
    public IEnumerable<string> Entries => Directory.GetFileSystemEntries(Path, "*", SearchOption.AllDirectories)
        .Select(e => System.IO.Path.GetRelativePath(Path, e))
        .Order(StringComparer.Ordinal);

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

namespace IsVit.Tool.Terminal;

/// <summary>
/// A folder of results that appears whole or not at all: files are written to a temporary folder beside it and moved there by
/// <see cref="Commit"/>; without it, disposing deletes them.
/// </summary>
internal sealed class OutputFolder : IDisposable
{
    private readonly string _target;
    private readonly string _temporary;

    private OutputFolder(string target, string temporary)
    {
        _target = target;
        _temporary = temporary;
    }

    /// <summary>Makes the temporary folder, so that a place that cannot be written to is known before the work.</summary>
    /// <param name="path">The folder that results go to; need not exist.</param>
    /// <exception cref="ToolException">It is a file, or its parent cannot be written to.</exception>
    public static OutputFolder Create(string path)
    {
        if (File.Exists(path))
        {
            throw new ToolException($"{path}: is a file; the output is a folder.");
        }

        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var temporary = $"{target}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(temporary);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"{path}: cannot be written to: {error.Message}", error);
        }

        return new OutputFolder(target, temporary);
    }

    /// <summary>A folder in the system's for temporary files, which nothing is kept of.</summary>
    /// <exception cref="ToolException">It cannot be made.</exception>
    public static OutputFolder CreateTemporary() => Create(Path.Combine(Path.GetTempPath(), $"isvit-{Guid.NewGuid():N}"));

    /// <summary>Where to write a file now.</summary>
    /// <param name="fileName">Its name.</param>
    public string PathOf(string fileName) => Path.Combine(_temporary, fileName);

    /// <summary>Moves every file to the folder, replacing files of the same names.</summary>
    /// <returns>The folder's full path.</returns>
    public string Commit()
    {
        Directory.CreateDirectory(_target);
        foreach (var file in Directory.GetFiles(_temporary))
        {
            File.Move(file, Path.Combine(_target, Path.GetFileName(file)), overwrite: true);
        }

        return _target;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(_temporary))
        {
            Directory.Delete(_temporary, recursive: true);
        }
    }
}

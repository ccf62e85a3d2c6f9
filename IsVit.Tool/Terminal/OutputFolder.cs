using System.Globalization;
using IsVit.Model.Files;

namespace IsVit.Tool.Terminal;

/// <summary>
/// A folder of results that appears whole or not at all: files are written to a temporary folder beside it and moved there by
/// <see cref="Commit"/>; without it, disposing deletes them. What a run that was killed left there goes when the next one to the same folder begins.
/// </summary>
internal sealed class OutputFolder : IDisposable
{
    // Held open while the run lives, and names its machine: another machine's processes cannot be asked for.
    private const string LockFile = ".run";

    private readonly string _target;
    private readonly string _temporary;
    private readonly FileStream _lock;

    private OutputFolder(string target, string temporary, FileStream @lock) => (_target, _temporary, _lock) = (target, temporary, @lock);

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
            DeleteAbandoned(target);
            Directory.CreateDirectory(temporary);
            return new OutputFolder(target, temporary, Lock(temporary));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"{path}: cannot be written to: {error.Message}", error);
        }
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
        foreach (var file in Directory.GetFiles(_temporary).Where(static file => Path.GetFileName(file) != LockFile))
        {
            File.Move(file, Path.Combine(_target, Path.GetFileName(file)), overwrite: true);
        }

        return _target;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lock.Dispose();
        try
        {
            if (Directory.Exists(_temporary))
            {
                Directory.Delete(_temporary, recursive: true);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What the run ends with says more; the next run to the same folder tries again.
        }
    }

    private static FileStream Lock(string temporary)
    {
        FileStream? held = null;
        try
        {
            held = new FileStream(Path.Combine(temporary, LockFile), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
            held.Write(System.Text.Encoding.UTF8.GetBytes(Environment.MachineName));
            held.Flush();
            return held;
        }
        catch
        {
            held?.Dispose();
            Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    // Of runs to the same folder that were killed on this machine.
    private static void DeleteAbandoned(string target)
    {
        var parent = Path.GetDirectoryName(target);
        if (!Directory.Exists(parent))
        {
            return;
        }

        foreach (var folder in Directory.GetDirectories(parent, Path.GetFileName(target) + ".*-*.tmp"))
        {
            try
            {
                if (IsAbandoned(folder, Path.GetFileName(target).Length + 1))
                {
                    Directory.Delete(folder, recursive: true);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It may be another's, or going; nothing depends on it.
            }
        }
    }

    // A file system may not know locks, and a process may have the number of one that has ended: both must say so.
    private static bool IsAbandoned(string folder, int prefix)
    {
        using var held = new FileStream(Path.Combine(folder, LockFile), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using var machine = new StreamReader(held);
        return machine.ReadToEnd() == Environment.MachineName
            && int.TryParse(Path.GetFileName(folder).AsSpan(prefix).ToString().Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var process)
            && !RunningProcess.Exists(process);
    }
}

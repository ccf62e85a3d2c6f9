namespace IsVit.Core.Imaging;

/// <summary>Lists the image files of a folder, without labels.</summary>
public static class ImageFolder
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".bmp", ".webp"];

    /// <summary>Lists the files named .jpg, .jpeg, .png, .bmp or .webp, in ordinal order of their path inside the folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="recursive">Whether to include subfolders. Names that begin with a dot are never included.</param>
    /// <exception cref="ImageException">The folder does not exist, cannot be read, or contains no image file.</exception>
    public static ImageList Read(string folder, bool recursive = false)
    {
        var paths = Paths(folder, recursive);
        return paths.Count > 0
            ? new ImageList(paths.Select(path => new ImageItem(path)))
            : throw new ImageException(folder, $"the folder holds no image file ({string.Join(", ", Extensions)}){(recursive ? "." : "; subfolders were not searched.")}");
    }

    /// <summary>The paths of the image files in a folder, in ordinal order.</summary>
    internal static List<string> Paths(string folder, bool recursive)
    {
        var paths = new List<string>();
        foreach (var path in Enumerate(folder, recursive, Directory.EnumerateFiles))
        {
            if (Array.Exists(Extensions, e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase)))
            {
                paths.Add(path);
            }
        }

        return paths;
    }

    /// <summary>Paths in a folder that have no part that begins with a dot, ordered the same on every system.</summary>
    internal static List<string> Enumerate(string folder, bool recursive, Func<string, string, EnumerationOptions, IEnumerable<string>> enumerate)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
        {
            throw new ImageException(folder, File.Exists(folder) ? "expected a folder; this is a file." : "no such folder.");
        }

        // Without IgnoreInaccessible, an unreadable folder is an error and not a shorter list.
        var options = new EnumerationOptions { RecurseSubdirectories = recursive, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.None };
        try
        {
            return enumerate(folder, "*", options)
                .Select(path => (Path: path, Key: Path.GetRelativePath(folder, path).Replace('\\', '/')))
                .Where(entry => entry.Key[0] != '.' && !entry.Key.Contains("/.", StringComparison.Ordinal))
                .OrderBy(entry => entry.Key, StringComparer.Ordinal)
                .Select(entry => entry.Path)
                .ToList();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(folder, $"the folder cannot be read: {e.Message}", e);
        }
    }
}

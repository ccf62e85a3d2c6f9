namespace IsVit.Model.Files;

/// <summary>Files that appear whole or not at all: written beside their place and moved there.</summary>
internal static class WholeFile
{
    /// <summary>Writes a file, on the disk when this returns.</summary>
    /// <param name="path">The file; replaced if it exists. Its folder must exist.</param>
    /// <param name="write">Writes the content. What it throws leaves the file as it was.</param>
    /// <param name="bufferSize">Bytes to gather before they are written; 0 for content that comes in large pieces.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, Action<Stream> write, int bufferSize = 4096)
    {
        var target = Path.GetFullPath(path);
        var temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
            FolderOnDisk.Write(Path.GetDirectoryName(target)!);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}

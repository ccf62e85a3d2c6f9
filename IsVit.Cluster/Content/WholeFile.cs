namespace IsVit.Cluster.Content;

/// <summary>Files that are there whole or not at all, whatever happens while they are written.</summary>
internal static class WholeFile
{
    /// <summary>Writes a file beside its place and moves it there.</summary>
    /// <param name="path">Its place. The folder must exist.</param>
    /// <param name="overwrite">Whether it replaces one that is there; otherwise the first stays.</param>
    /// <param name="write">Writes it to the path that is given.</param>
    public static async Task WriteAsync(string path, bool overwrite, Func<string, Task> write)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            await write(temporary).ConfigureAwait(false);
            File.Move(temporary, path, overwrite);
        }
        catch (IOException) when (!overwrite && File.Exists(path))
        {
            // Another machine was first.
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}

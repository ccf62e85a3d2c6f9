using IsVit.Cluster.Jobs;

namespace IsVit.Cluster.Content;

/// <summary>Puts files and folders into a store, each content once.</summary>
/// <param name="store">Where to.</param>
public sealed class ContentUpload(IContentStore store)
{
    private readonly Dictionary<string, JobInput> _done = new(StringComparer.Ordinal);

    /// <summary>Puts a file in.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    /// <returns>The file as a job names it.</returns>
    /// <exception cref="IOException">It cannot be read, or the store cannot be written to.</exception>
    public async Task<JobInput> FileAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var full = Path.GetFullPath(path);
        if (!_done.TryGetValue(full, out var input))
        {
            var hash = await ContentHash.OfFileAsync(full, cancellationToken).ConfigureAwait(false);
            await store.PutAsync(hash, full, cancellationToken).ConfigureAwait(false);
            _done[full] = input = new JobInput(Name(full), hash, IsFolder: false);
        }

        return input;
    }

    /// <summary>Puts a folder in with all files below it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    /// <returns>The folder as a job names it.</returns>
    /// <exception cref="IOException">It cannot be read, or the store cannot be written to.</exception>
    /// <exception cref="ClusterException">A file is called as no file of another system may be.</exception>
    public async Task<JobInput> FolderAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (_done.TryGetValue(full, out var input))
        {
            return input;
        }

        var files = new List<ContentTreeFile>();
        foreach (var file in Directory.EnumerateFiles(full, "*", SearchOption.AllDirectories))
        {
            var relative = Path.GetRelativePath(full, file).Replace(Path.DirectorySeparatorChar, '/');
            if (!relative.Split('/').All(ContentTree.IsFileName))
            {
                throw new ClusterException($"'{file}' is called as not every system allows; rename it.");
            }

            var hash = await ContentHash.OfFileAsync(file, cancellationToken).ConfigureAwait(false);
            await store.PutAsync(hash, file, cancellationToken).ConfigureAwait(false);
            files.Add(new ContentTreeFile(relative, hash));
        }

        var list = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(list, new ContentTree([.. files.OrderBy(static file => file.Path, StringComparer.Ordinal)]).Serialize(), cancellationToken).ConfigureAwait(false);
            var hash = await ContentHash.OfFileAsync(list, cancellationToken).ConfigureAwait(false);
            await store.PutAsync(hash, list, cancellationToken).ConfigureAwait(false);
            return _done[full] = new JobInput(Name(full), hash, IsFolder: true);
        }
        finally
        {
            File.Delete(list);
        }
    }

    private static string Name(string path) => Path.GetFileName(path) is { Length: > 0 } name && ContentTree.IsFileName(name) ? name : "input";
}

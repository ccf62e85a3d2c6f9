using System.Collections.Concurrent;
using IsVit.Cluster.Jobs;

namespace IsVit.Cluster.Content;

/// <summary>A machine's own copies of what the store has: each is fetched once, checked against its hash, and stays for later jobs.</summary>
/// <param name="store">Where from.</param>
/// <param name="root">The folder for the copies.</param>
internal sealed class ContentCache(IContentStore store, string root)
{
    private readonly string _root = Path.GetFullPath(root);
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> _fetches = new(StringComparer.Ordinal);

    /// <summary>The path of an input's copy.</summary>
    /// <exception cref="ClusterException">The store has something else under this hash, or the name is none.</exception>
    /// <exception cref="IOException">The store cannot be reached.</exception>
    public async Task<string> GetAsync(JobInput input, CancellationToken cancellationToken)
    {
        ContentHash.Require(input.Hash);
        if (!ContentTree.IsFileName(input.Name))
        {
            throw new ClusterException($"The job names the input '{input.Name}'; expected a file name without a folder.");
        }

        // Under its hash it may be called differently by different jobs.
        var target = Path.Combine(_root, input.IsFolder ? "folders" : "files", input.Hash, input.Name);
        var fetch = _fetches.GetOrAdd(target, key => new Lazy<Task<string>>(() => FetchAsync(input, key)));
        try
        {
            return await fetch.Value.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // The next job tries again.
            _fetches.TryRemove(KeyValuePair.Create(target, fetch));
            throw;
        }
    }

    /// <summary>Copies a file of the store to a place of its own.</summary>
    public async Task CopyAsync(StoredFile file, string folder, CancellationToken cancellationToken)
    {
        if (!ContentTree.IsFileName(file.Name))
        {
            throw new ClusterException($"The job has kept a file '{file.Name}'; expected a file name without a folder.");
        }

        await CopyAsync(store, file.Hash, Path.Combine(folder, file.Name), cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> FetchAsync(JobInput input, string target)
    {
        if (Path.Exists(target))
        {
            return target;
        }

        var parent = Path.GetDirectoryName(target)!;
        var temporary = Path.Combine(parent, $".{Guid.NewGuid():N}");
        Directory.CreateDirectory(parent);
        try
        {
            if (input.IsFolder)
            {
                var list = Path.Combine(parent, $".{Guid.NewGuid():N}");
                await CopyAsync(store, input.Hash, list, CancellationToken.None).ConfigureAwait(false);
                var tree = ContentTree.Parse(input.Hash, await File.ReadAllBytesAsync(list).ConfigureAwait(false));
                File.Delete(list);
                Directory.CreateDirectory(temporary);
                foreach (var file in tree.Files)
                {
                    var path = Path.Combine(temporary, Path.Combine(file.Path.Split('/')));
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    await CopyAsync(store, file.Hash, path, CancellationToken.None).ConfigureAwait(false);
                }

                Directory.Move(temporary, target);
            }
            else
            {
                await CopyAsync(store, input.Hash, temporary, CancellationToken.None).ConfigureAwait(false);
                File.Move(temporary, target);
            }
        }
        catch (IOException) when (Path.Exists(target))
        {
            // Another worker of this machine was first.
            Remove(temporary);
        }
        catch
        {
            Remove(temporary);
            throw;
        }

        return target;
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
        else
        {
            File.Delete(path);
        }
    }

    /// <summary>Copies a file of a store to one that is not there yet, and checks it.</summary>
    /// <exception cref="ClusterException">The store has something else under this hash; the copy is gone.</exception>
    public static async Task CopyAsync(IContentStore store, string hash, string target, CancellationToken cancellationToken)
    {
        string copied;
        using (var source = await store.OpenAsync(ContentHash.Require(hash), cancellationToken).ConfigureAwait(false))
        {
            copied = await ContentHash.CopyAsync(source, target, cancellationToken).ConfigureAwait(false);
        }

        if (copied != hash)
        {
            File.Delete(target);
            throw new ClusterException($"The content store has another file under {hash}: its SHA-256 is {copied}.");
        }
    }
}

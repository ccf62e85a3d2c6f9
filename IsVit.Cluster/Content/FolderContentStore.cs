namespace IsVit.Cluster.Content;

/// <summary>A content store in a folder that all machines see, on a network or on one machine.</summary>
/// <param name="root">The folder; made when the first file is put in.</param>
public sealed class FolderContentStore(string root) : IContentStore
{
    private readonly string _root = Path.GetFullPath(root);

    /// <inheritdoc/>
    public async Task PutAsync(string hash, string path, CancellationToken cancellationToken)
    {
        var target = PathOf(hash);
        if (File.Exists(target))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        await WholeFile.WriteAsync(target, overwrite: false, async temporary =>
        {
            using var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
            var copied = await ContentHash.CopyAsync(source, temporary, cancellationToken).ConfigureAwait(false);
            if (copied != hash)
            {
                throw new ClusterException($"'{path}' has changed while it was put into the store: its SHA-256 was {hash} and is {copied}.");
            }
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<Stream> OpenAsync(string hash, CancellationToken cancellationToken) =>
        Task.FromResult<Stream>(new FileStream(PathOf(hash), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan));

    // Not all in one folder: some file systems search long ones slowly.
    private string PathOf(string hash) => Path.Combine(_root, ContentHash.Require(hash)[..2], hash);
}

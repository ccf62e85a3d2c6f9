namespace IsVit.Cluster.Content;

/// <summary>
/// Where all machines of a cluster find files: by the SHA-256 of their content, so that what is there never changes, and a file that many jobs read is kept once. Safe for any number of machines at the same time.
/// </summary>
public interface IContentStore
{
    /// <summary>Puts a file in; it is there whole or not at all. Copies nothing if it is there.</summary>
    /// <param name="hash">The SHA-256 of its content, 64 lower-case hexadecimal digits.</param>
    /// <param name="path">The file to copy.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    /// <exception cref="IOException">The store cannot be reached, or is full.</exception>
    Task PutAsync(string hash, string path, CancellationToken cancellationToken);

    /// <summary>Opens a file for reading. What is read is not yet checked against the hash.</summary>
    /// <param name="hash">The SHA-256 of its content.</param>
    /// <param name="cancellationToken">Stops the opening.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    Task<Stream> OpenAsync(string hash, CancellationToken cancellationToken);
}

using System.Buffers;
using System.Security.Cryptography;
using IsVit.Cluster.Content;

namespace IsVit.Cluster.S3;

/// <summary>A file, part by part, with the hash of what was read: what is sent is what was hashed, even if the file changes or a part is sent again.</summary>
internal sealed class FileParts : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer;
    private readonly int _bytes;

    /// <summary>Opens the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytes">The size of a part.</param>
    /// <param name="most">The largest number of parts; parts of files for which that is not enough are larger.</param>
    public FileParts(string path, int bytes, int most)
    {
        _path = path;
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan);

        // One more byte than a small file has shows its end.
        _bytes = checked((int)Math.Min(_file.Length + 1, Math.Max(bytes, (_file.Length / most) + 1)));
        _buffer = ArrayPool<byte>.Shared.Rent(_bytes);
    }

    /// <summary>The bytes of the part that was read last; 0 at the end of the file.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the file ends with the part that was read last.</summary>
    public bool IsLast => Count < _bytes;

    /// <summary>Reads the next part over the last.</summary>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        Count = await _file.ReadAtLeastAsync(_buffer.AsMemory(0, _bytes), _bytes, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        _hash.AppendData(_buffer, 0, Count);
    }

    /// <summary>The part that was read last.</summary>
    public MemoryStream Content() => new(_buffer, 0, Count, writable: false);

    /// <summary>Throws unless what was read has a hash.</summary>
    public void Require(string hash)
    {
        if (ContentHash.Text(_hash.GetHashAndReset()) is var read && read != hash)
        {
            throw new ClusterException($"'{_path}' has changed while it was put into the store: its SHA-256 was {hash} and is {read}.");
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }
}

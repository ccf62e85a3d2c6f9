using System.Buffers;
using System.Security.Cryptography;

namespace IsVit.Cluster.Content;

/// <summary>Hashes as names.</summary>
internal static class ContentHash
{
    private const int Digits = 64;
    private const int BufferBytes = 1 << 20;
    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789abcdef");

    /// <summary>Throws unless a text is a hash: it becomes part of a path.</summary>
    public static string Require(string hash) =>
        hash.Length == Digits && !hash.AsSpan().ContainsAnyExcept(s_digits) ? hash : throw new ClusterException($"'{hash}' is no SHA-256; expected {Digits} lower-case hexadecimal digits.");

    /// <summary>A hash as a name.</summary>
    public static string Text(ReadOnlySpan<byte> hash) => Convert.ToHexString(hash).ToLowerInvariant();

    /// <summary>The hash of a file.</summary>
    public static async Task<string> OfFileAsync(string path, CancellationToken cancellationToken)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        return Text(await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Copies a stream to a new file that is on the disk when this returns.</summary>
    /// <returns>The hash of what was copied.</returns>
    public static async Task<string> CopyAsync(Stream from, string to, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using var target = new FileStream(to, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
            int count;
            while ((count = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                hash.AppendData(buffer, 0, count);
                await target.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            }

            target.Flush(flushToDisk: true);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return Text(hash.GetHashAndReset());
    }
}

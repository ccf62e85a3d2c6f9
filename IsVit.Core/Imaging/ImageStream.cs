namespace IsVit.Core.Imaging;

/// <summary>The content of an image file from a stream, no more of it than is allowed.</summary>
internal static class ImageStream
{
    private const int BufferSize = 81920;

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="stream">Read from its current position, and left open; it need not be seekable.</param>
    /// <param name="maxBytes">The most that are accepted.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ImageException">There are more bytes.</exception>
    public static ReadOnlyMemory<byte> Read(Stream stream, int maxBytes, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var content = new MemoryStream();
        var buffer = new byte[BufferSize];
        while (stream.Read(buffer) is > 0 and var read)
        {
            Append(content, buffer.AsSpan(0, read), maxBytes, name);
        }

        return Content(content);
    }

    /// <summary>Reads a stream to its end without blocking a thread.</summary>
    /// <param name="stream">Read from its current position, and left open; it need not be seekable.</param>
    /// <param name="maxBytes">The most that are accepted.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="ImageException">There are more bytes.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(Stream stream, int maxBytes, string name, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var content = new MemoryStream();
        var buffer = new byte[BufferSize];
        while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
        {
            Append(content, buffer.AsSpan(0, read), maxBytes, name);
        }

        return Content(content);
    }

    private static void Append(MemoryStream content, ReadOnlySpan<byte> bytes, int maxBytes, string name)
    {
        if (content.Length + bytes.Length > maxBytes)
        {
            throw new ImageException(name, FormattableString.Invariant($"more than {maxBytes} bytes ({nameof(ImageDecoderOptions.MaxFileBytes)})."));
        }

        content.Write(bytes);
    }

    private static ReadOnlyMemory<byte> Content(MemoryStream content) => content.GetBuffer().AsMemory(0, (int)content.Length);
}

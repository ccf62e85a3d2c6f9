using Amazon.S3.Model;

namespace IsVit.Cluster.S3;

/// <summary>An object as it comes from the server: a server that goes silent, or away, is an error that names the object.</summary>
/// <param name="answer">The server's answer, which goes with the stream.</param>
/// <param name="patience">How long the next bytes may take.</param>
/// <param name="isOfServer">Whether an error is the server's doing.</param>
/// <param name="explained">Such an error with the object's name.</param>
internal sealed class S3ObjectStream(GetObjectResponse answer, TimeSpan patience, Func<Exception, CancellationToken, bool> isOfServer, Func<Exception, Exception> explained) : Stream
{
    private readonly Stream _content = answer.ResponseStream;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        try
        {
            return await _content.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (isOfServer(error, cancellationToken))
        {
            throw explained(error);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            answer.Dispose();
        }

        base.Dispose(disposing);
    }
}

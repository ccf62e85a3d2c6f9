using System.Net;

namespace IsVit.Tests.Programs.Samples;

/// <summary>A body of a length not told before, of which the first byte goes at once and the rest when it is told.</summary>
internal sealed class SlowContent(byte[] content) : HttpContent
{
    private readonly TaskCompletionSource _rest = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Lets the rest go.</summary>
    public void Finish() => _rest.TrySetResult();

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(content.AsMemory(0, 1), cancellationToken);
        await stream.FlushAsync(cancellationToken);
        await _rest.Task.WaitAsync(cancellationToken);
        await stream.WriteAsync(content.AsMemory(1), cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

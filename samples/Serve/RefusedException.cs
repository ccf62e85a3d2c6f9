namespace Serve;

/// <summary>A request that cannot be answered, for a reason that its client is told.</summary>
internal sealed class RefusedException(int status, string message) : Exception(message)
{
    /// <summary>The status of the answer.</summary>
    public int Status { get; } = status;
}

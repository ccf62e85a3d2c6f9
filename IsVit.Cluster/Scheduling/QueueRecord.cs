namespace IsVit.Cluster.Scheduling;

/// <summary>What the store keeps of the queue.</summary>
internal sealed class QueueRecord
{
    /// <summary>Jobs that have not ended, first come first; some may have since.</summary>
    public IReadOnlyList<string> Jobs { get; set; } = [];
}

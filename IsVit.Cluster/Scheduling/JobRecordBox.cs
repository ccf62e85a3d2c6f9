namespace IsVit.Cluster.Scheduling;

/// <summary>Holds a record, which Orleans wants to make itself when there is none.</summary>
internal sealed class JobRecordBox
{
    /// <summary>The record.</summary>
    public JobRecord Record { get; set; } = new();
}

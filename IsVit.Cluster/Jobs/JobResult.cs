namespace IsVit.Cluster.Jobs;

/// <summary>What a job came to.</summary>
[GenerateSerializer]
[Immutable]
[Alias("isvit.JobResult")]
public sealed record JobResult
{
    /// <summary>Its files: of a whole run the quantized model and the report; of a share of units none, for these are kept as its checkpoint.</summary>
    [Id(0)]
    public IReadOnlyList<StoredFile> Files { get; init; } = [];

    /// <summary>The time that it took on the worker that ended it, in seconds.</summary>
    [Id(1)]
    public double Seconds { get; init; }

    /// <summary>The worker that ended it.</summary>
    [Id(2)]
    public string Worker { get; init; } = "";
}

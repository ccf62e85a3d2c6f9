using IsVit.Cluster.Jobs;

namespace IsVit.Cluster.Scheduling;

/// <summary>A job that has not ended.</summary>
/// <param name="id">Its identity.</param>
/// <param name="specification">What it takes.</param>
internal sealed class QueuedJob(string id, JobSpecification specification)
{
    /// <summary>Its identity.</summary>
    public string Id { get; } = id;

    /// <summary>What it takes.</summary>
    public JobSpecification Specification { get; } = specification;

    /// <summary>Its place among those that wait: smaller ones come first.</summary>
    public long Place { get; set; }
}

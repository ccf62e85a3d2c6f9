using IsVit.Cluster.Jobs;

namespace IsVit.Tool.Sweeps;

/// <summary>A run of a sweep with what is known of its jobs.</summary>
/// <param name="plan">The run.</param>
/// <param name="jobs">Its jobs with their identities, the whole run last.</param>
internal sealed class RunState(SweepRunPlan plan, IReadOnlyList<(string Id, JobSpecification Job)> jobs)
{
    private JobStatus[] _statuses = [.. jobs.Select(static _ => new JobStatus())];

    /// <summary>The run.</summary>
    public SweepRunPlan Plan { get; } = plan;

    /// <summary>Its jobs.</summary>
    public IReadOnlyList<(string Id, JobSpecification Job)> Jobs { get; } = jobs;

    /// <summary>What is known of each.</summary>
    public IReadOnlyList<JobStatus> Statuses => _statuses;

    /// <summary>What is known of the whole run's job.</summary>
    public JobStatus Last => _statuses[^1];

    /// <summary>Whether it was done before this sweep began.</summary>
    public bool WasDone { get; set; }

    /// <summary>How far it is: units that are computed ahead count for as much as the rest.</summary>
    public double Fraction
    {
        get
        {
            var total = Jobs.Sum(static job => Weight(job.Job));
            return Jobs.Zip(_statuses, static (job, status) => Weight(job.Job) * (status.HasEnded ? 1 : status.Progress?.Fraction ?? 0)).Sum() / total;
        }
    }

    /// <summary>The computing time that is left, in seconds.</summary>
    public double RemainingSeconds => Jobs.Zip(_statuses, static (job, status) => status.HasEnded ? 0
        : status.Progress is { } progress ? progress.RemainingSeconds ?? (job.Job.ExpectedSeconds * (1 - progress.Fraction)) : job.Job.ExpectedSeconds).Sum();

    /// <summary>How far it is, in a word.</summary>
    public JobState State => Last.HasEnded ? Last.State : _statuses.Any(static status => status.State == JobState.Running) ? JobState.Running : JobState.Waiting;

    /// <summary>Takes what is known now.</summary>
    /// <param name="statuses">Of each job.</param>
    public void Set(IEnumerable<JobStatus> statuses) => _statuses = [.. statuses];

    private static double Weight(JobSpecification job) => job.ExpectedSeconds > 0 ? job.ExpectedSeconds : 1;
}

using IsVit.Cluster.Workers;

namespace IsVit.Tests.Cluster;

/// <summary>Runs jobs by a function of the test.</summary>
internal sealed class DelegateRunner(Func<JobRun, CancellationToken, Task<IReadOnlyDictionary<string, string>>> run) : IJobRunner
{
    public const string Version = "1.2.3";

    public string Program => Version;

    public Task<IReadOnlyDictionary<string, string>> RunAsync(JobRun job, CancellationToken cancellationToken) => run(job, cancellationToken);
}

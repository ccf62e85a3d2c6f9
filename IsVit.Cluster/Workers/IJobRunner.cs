namespace IsVit.Cluster.Workers;

/// <summary>Runs a job on this machine. It decides which options a job may have; a job can name neither code nor paths.</summary>
public interface IJobRunner
{
    /// <summary>The version of the program that runs jobs: jobs of others are left to other workers.</summary>
    string Program { get; }

    /// <summary>Runs one job to its end.</summary>
    /// <param name="run">The job and the folders it may use.</param>
    /// <param name="cancellationToken">Stops it; what is finished stays in the checkpoint's folder.</param>
    /// <returns>The files that it came to, by the names that the result is to have them under.</returns>
    /// <exception cref="JobFailedException">It could not be done.</exception>
    Task<IReadOnlyDictionary<string, string>> RunAsync(JobRun run, CancellationToken cancellationToken);
}

using System.Reflection;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.Workers;
using IsVit.Tool.Progress;
using IsVit.Tool.Runs;

namespace IsVit.Tool.Sweeps;

/// <summary>Runs a job as <c>isvit quantize</c>, in a process of its own.</summary>
internal sealed class QuantizeJobRunner : IJobRunner
{
    /// <summary>The report's name in a result; the model's is <see cref="QuantizeRun.ModelFile"/>.</summary>
    public const string ReportFile = "report.json";

    // What the tool returns for what the user asked for and cannot be done.
    private const int UserError = 2;

    /// <summary>This program's version.</summary>
    public static string Version { get; } = typeof(QuantizeJobRunner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <inheritdoc/>
    public string Program => Version;

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, string>> RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        var job = run.Specification;
        if (job.Options.Keys.Select(JobOptions.Obstacle).FirstOrDefault(static obstacle => obstacle is not null) is { } refused)
        {
            throw new JobFailedException($"The job has an option that it may not have: {refused}.") { IsFinal = true };
        }

        if (job.Inputs.Keys.FirstOrDefault(static name => !JobOptions.Inputs.Contains(name, StringComparer.Ordinal)) is { } unknown)
        {
            throw new JobFailedException($"The job has an input '{unknown}'; known are {string.Join(", ", JobOptions.Inputs)}.") { IsFinal = true };
        }

        var options = new Dictionary<string, string>(job.Options, StringComparer.OrdinalIgnoreCase)
        {
            ["checkpoint"] = run.CheckpointFolder,
            [JobOptions.Device] = run.Device ?? "cpu",
            ["progress"] = "json",
            ["stop-with-input"] = "true",
        };
        foreach (var (name, path) in run.Inputs)
        {
            options[name] = path;
        }

        var (model, report) = (Path.Combine(run.Folder, "model"), Path.Combine(run.Folder, ReportFile));
        if (job.Share is { } share)
        {
            options["units"] = share.ToString();
        }
        else
        {
            (options["output"], options["json"]) = (model, report);
        }

        var config = Path.Combine(run.Folder, "job.json");
        RunConfig.Write(config, options);
        var (code, error) = await ToolProcess.RunAsync(["quantize", "--config", config], job.Threads, new JobProgressReporter(run.Progress), cancellationToken);
        if (code != 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new JobFailedException(error.Length > 0 ? error : FormattableString.Invariant($"the process ended with code {code}")) { IsFinal = code == UserError };
        }

        return job.Share is not null
            ? new Dictionary<string, string>(StringComparer.Ordinal)
            : new Dictionary<string, string>(StringComparer.Ordinal) { [QuantizeRun.ModelFile] = Path.Combine(model, QuantizeRun.ModelFile), [ReportFile] = report };
    }

    private sealed class JobProgressReporter(IProgress<JobProgress> job) : IProgress<ProgressLine>
    {
        public void Report(ProgressLine value) => job.Report(new JobProgress(value.Fraction, value.Stage, value.Unit, value.RemainingSeconds));
    }
}

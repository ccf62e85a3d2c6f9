using IsVit.Cluster.Content;
using IsVit.Cluster.Jobs;
using IsVit.Tool.RunFiles;

namespace IsVit.Tool.Sweeps;

/// <summary>Makes jobs of runs: files become what the store has.</summary>
/// <param name="upload">The store.</param>
/// <param name="threads">The threads of a run.</param>
/// <param name="unitShares">Into how many jobs the first reconstruction of each run is divided.</param>
internal sealed class SweepJobs(ContentUpload upload, int threads, int unitShares)
{
    /// <summary>A run's jobs, the whole run last.</summary>
    /// <param name="run">The run.</param>
    /// <param name="estimate">What it is expected to take.</param>
    /// <param name="cancellationToken">Stops copying.</param>
    /// <exception cref="ToolException">A file is missing.</exception>
    public async Task<IReadOnlyList<JobSpecification>> OfAsync(SweepRunPlan run, RunEstimate estimate, CancellationToken cancellationToken)
    {
        var inputs = new Dictionary<string, JobInput>(StringComparer.Ordinal);
        foreach (var name in JobOptions.Inputs)
        {
            if (run.Options.TryGetValue(name, out var path))
            {
                inputs[name] = Directory.Exists(path) ? await upload.FolderAsync(path, cancellationToken)
                    : File.Exists(path) ? await upload.FileAsync(path, cancellationToken)
                    : throw new ToolException($"{run.Name}: {name} is '{path}', which does not exist.");
            }
        }

        // Labels name images of their own folder if no other is given.
        if (inputs.ContainsKey("labels") && !inputs.ContainsKey("images"))
        {
            inputs["images"] = await upload.FolderAsync(Path.GetDirectoryName(run.Options["labels"])!, cancellationToken);
        }

        var whole = new JobSpecification
        {
            Program = QuantizeJobRunner.Version,
            Options = run.Options.Where(static option => JobOptions.Obstacle(option.Key) is null).ToDictionary(static option => option.Key, static option => option.Value, StringComparer.Ordinal),
            Inputs = inputs,
            Threads = threads,
            NeedsDevice = run.Options.TryGetValue(JobOptions.Device, out var device) && device != "cpu",
            MemoryBytes = estimate.MemoryBytes,
            ExpectedSeconds = estimate.Seconds,
        };
        if (unitShares == 1 || !HasUnitsToDivide(run))
        {
            return [whole];
        }

        var shares = Enumerable.Range(0, unitShares).Select(index => whole with
        {
            Inputs = inputs.Where(static input => !JobOptions.TestInputs.Contains(input.Key)).ToDictionary(static input => input.Key, static input => input.Value, StringComparer.Ordinal),
            Share = new UnitShare(index, unitShares),
            ExpectedSeconds = estimate.Seconds / 2 / unitShares,
        }).ToList();
        return [.. shares, whole with { After = [.. shares.Select(static share => share.Hash())], ExpectedSeconds = estimate.Seconds / 2 }];
    }

    private static bool HasUnitsToDivide(SweepRunPlan run) =>
        (Option(run, "method") ?? Optimization.Recipes.RecipeNames.ISVit) is var method
        && Optimization.Catalogue.QuantizationRecipes.Find(method)?.Stages.OfType<Optimization.Reconstruction.ReconstructionStage>().FirstOrDefault()?.Input == Optimization.Reconstruction.UnitInput.Full;

    private static string? Option(SweepRunPlan run, string name) => run.Options.GetValueOrDefault(name)
        ?? EngineKeys.ToolNames.Where(entry => entry.Value == name).Select(entry => run.Options.GetValueOrDefault(entry.Key)).FirstOrDefault(static value => value is not null);
}

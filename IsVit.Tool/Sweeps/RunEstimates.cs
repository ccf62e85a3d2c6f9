using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Sweeps;

/// <summary>Finds out what runs take, by one dry run of each kind. What was found is kept beside the results.</summary>
/// <param name="console">Where it is told.</param>
/// <param name="folder">Where figures are kept.</param>
/// <param name="threads">The threads of a run.</param>
internal sealed class RunEstimates(ToolConsole console, string folder, int threads)
{
    private const double BytesPerMegabyte = 1e6;

    /// <summary>Finds out what each run takes.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="configs">Their files for <c>--config</c>.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>In the same order.</returns>
    /// <exception cref="ToolException">A run cannot be begun as it is.</exception>
    public async Task<IReadOnlyList<RunEstimate>> OfAsync(IReadOnlyList<SweepRunPlan> runs, IReadOnlyList<string> configs, CancellationToken cancellationToken)
    {
        var kinds = runs.Select((run, i) => (run.Kind, Index: i)).GroupBy(static run => run.Kind, StringComparer.Ordinal).ToList();
        var found = new Dictionary<string, RunEstimate>(StringComparer.Ordinal);
        Directory.CreateDirectory(folder);
        foreach (var (kind, number) in kinds.Select(static (kind, i) => (kind, i + 1)))
        {
            var first = kind.First().Index;
            found[kind.Key] = await OneAsync(kind.Key, runs[first].Name, configs[first], string.Create(CultureInfo.InvariantCulture, $"measuring {number} of {kinds.Count}: {runs[first].Name}"), cancellationToken);
        }

        return [.. runs.Select(run => found[run.Kind])];
    }

    private async Task<RunEstimate> OneAsync(string kind, string name, string config, string announcement, CancellationToken cancellationToken)
    {
        var key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{QuantizeJobRunner.Version} {threads} {kind}"))));
        var plan = Path.Combine(folder, $"{key[..32]}.json");
        if (!File.Exists(plan))
        {
            console.Out.WriteLine(announcement);
            var (code, error) = await ToolProcess.RunAsync(["quantize", "--config", config, "--dry-run", "--json", plan, "--stop-with-input"], threads, progress: null, cancellationToken);
            if (code != 0)
            {
                throw new ToolException($"the run {name} cannot be begun: {error}");
            }
        }

        try
        {
            var measured = JsonSerializer.Deserialize(await File.ReadAllTextAsync(plan, cancellationToken), PlanJsonContext.Default.PlanJson)!;
            return new RunEstimate(measured.Seconds, (long)(measured.PeakMemoryMb * BytesPerMegabyte));
        }
        catch (JsonException)
        {
            File.Delete(plan);
            return new RunEstimate(0, 0);
        }
    }
}

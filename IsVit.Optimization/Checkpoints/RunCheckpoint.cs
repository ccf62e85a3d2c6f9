using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Samples;
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Checkpoints;

/// <summary>
/// A folder that holds every reconstructed unit of a run, so that a run that was killed can go on. Everything else a run does is quick and is done
/// again with the same result.
/// </summary>
internal sealed class RunCheckpoint : IUnitCheckpoint, IDisposable
{
    private const string RunFile = "run.json";
    private const string LockFile = "run.lock";
    private const int HashBytes = 1 << 26;
    private readonly string _directory;
    private readonly FileStream _lock;

    private RunCheckpoint(string directory, FileStream @lock) => (_directory, _lock) = (directory, @lock);

    /// <summary>Opens a folder for a run, new or to be gone on with.</summary>
    /// <exception cref="QuantizationException">The folder belongs to a run with other options, another model or other images, of another version of this library or TorchSharp, or to one that is going on.</exception>
    public static RunCheckpoint Open(
        string directory,
        QuantizationOptions options,
        QuantizationRecipe recipe,
        IReconstructionLoss loss,
        ModuleGraph graph,
        IReadOnlyList<SampleBatch> batches)
    {
        var identity = Identity(options, recipe, loss, graph, batches);
        Directory.CreateDirectory(directory);
        var @lock = Lock(directory);
        try
        {
            RequireSameRun(directory, identity);
            return new RunCheckpoint(directory, @lock);
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    private static FileStream Lock(string directory)
    {
        try
        {
            return new FileStream(Path.Combine(directory, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new QuantizationException($"'{directory}' is the checkpoint of a run that is going on, or cannot be written to ({e.Message}). Use another folder, or wait for that run to end.", e);
        }
    }

    private static void RequireSameRun(string directory, Dictionary<string, string> identity)
    {
        var path = Path.Combine(directory, RunFile);
        if (!File.Exists(path))
        {
            WholeFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(identity))));
            return;
        }

        Dictionary<string, string>? found;
        try
        {
            found = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(path));
        }
        catch (JsonException e)
        {
            throw new QuantizationException($"'{path}' is no checkpoint: {e.Message}", e);
        }

        var different = identity.Where(entry => found?.GetValueOrDefault(entry.Key) != entry.Value).Select(entry => RunDifference.Describe(entry.Key, found?.GetValueOrDefault(entry.Key), entry.Value)).ToList();
        if (different.Count > 0)
        {
            throw new QuantizationException($"'{directory}' holds the checkpoint of a run that differs in {string.Join(", ", different)}. Use another folder, or delete it.");
        }
    }

    /// <summary>Lets other runs use the folder.</summary>
    public void Dispose() => _lock.Dispose();

    /// <inheritdoc/>
    public UnitResult? TryLoadUnit(
        int stageIndex,
        string stage,
        int index,
        string unit,
        IEnumerable<(string Name, Tensor Value)> state)
    {
        var path = UnitPath(stageIndex, index, unit);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var reader = SafetensorsReader.Open(path);
            reader.VerifyChecksums();
            using var file = new SafetensorsFile(reader);
            foreach (var (name, value) in state)
            {
                file.ReadInto(name, value);
            }

            double Number(string key) => double.Parse(file.Metadata[key], CultureInfo.InvariantCulture);
            return new UnitResult
            {
                Unit = unit,
                Stage = stage,
                LossBefore = Number("loss_before"),
                LossAfter = Number("loss_after"),
                Iterations = (int)Number("iterations"),
                Duration = TimeSpan.FromSeconds(Number("seconds")),
                StopReason = StopReason.Resumed,
            };
        }
        catch (Exception e) when (e is WeightFileException or KeyNotFoundException or FormatException or OverflowException or ArgumentException)
        {
            throw new QuantizationException($"'{path}' is no checkpoint of unit '{unit}': {e.Message} Delete it to have the unit reconstructed again.", e);
        }
    }

    /// <inheritdoc/>
    public void SaveUnit(int stageIndex, int index, UnitResult result, IEnumerable<(string Name, Tensor Value)> state)
    {
        static string Text(double value) => value.ToString("r", CultureInfo.InvariantCulture);
        SafetensorsWriter.Write(
            UnitPath(stageIndex, index, result.Unit),
            state.Select(static entry => KeyValuePair.Create(entry.Name, SafetensorsFile.Data(entry.Name, entry.Value))),
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["loss_before"] = Text(result.LossBefore),
                ["loss_after"] = Text(result.LossAfter),
                ["iterations"] = Text(result.Iterations),
                ["seconds"] = Text(result.Duration.TotalSeconds),
            },
            withChecksums: true);
    }

    // The numbers make the name unique; the path is for the reader, as far as a file may be called so.
    private string UnitPath(int stageIndex, int index, string unit)
    {
        var readable = string.Concat(unit.Take(80).Select(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_' ? letter : '_'));
        return Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"stage{stageIndex}.unit{index:d3}.{readable}.safetensors"));
    }

    // Everything that the result depends on. How much memory the caches may take is no part of it, nor where they are kept in full precision.
    private static Dictionary<string, string> Identity(
        QuantizationOptions options,
        QuantizationRecipe recipe,
        IReconstructionLoss loss,
        ModuleGraph graph,
        IReadOnlyList<SampleBatch> batches)
    {
        var counted = options.Copy();
        counted.Reconstruction.CacheBudgetBytes = 0;
        counted.Reconstruction.CacheDirectory = null;
        counted.Reconstruction.Cache = options.Reconstruction.Cache == ActivationStorage.BFloat16 ? ActivationStorage.BFloat16 : ActivationStorage.Automatic;
        var schemes = recipe.Schemes.OrderBy(static entry => entry.Key).Select(static entry => $"{entry.Key}: {entry.Value.Scheme} {entry.Value.WideScheme} {entry.Value.Granularity}");
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["options"] = JsonSerializer.Serialize(counted),
            ["recipe"] = string.Join("; ", [.. schemes, .. recipe.Stages.Select(static stage => $"{stage.Name} {stage.GetType()} {stage.Settings}"), string.Create(CultureInfo.InvariantCulture, $"{recipe.LearningRate} {recipe.DropProbability} {recipe.HeldOutShare} {recipe.FreshViews}")]),
            ["loss"] = $"{loss.GetType()} {loss}",
            ["versions"] = $"{VersionOf(typeof(RunCheckpoint))} {VersionOf(typeof(Tensor))}",
            ["weights"] = Fingerprint(graph.Model.named_parameters().Select(static entry => (entry.name, (Tensor)entry.parameter))
                .Concat(graph.Model.named_buffers().Select(static entry => (entry.name, entry.buffer)))),
            ["images"] = Fingerprint(batches.SelectMany(static (batch, index) => batch.Inputs.Select((input, i) => (i == 0 ? index.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{index}:{i}"), input)))),
            ["sites"] = string.Join(' ', graph.Sites),
            ["units"] = string.Join(' ', graph.Units.Select(static unit => unit.Path)),
            ["attentions"] = string.Join(' ', graph.Attentions),
        };
    }

    private static string VersionOf(Type type) => type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? type.Assembly.GetName().Version!.ToString();

    private static string Fingerprint(IEnumerable<(string Name, Tensor Value)> tensors)
    {
        using var noGrad = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in tensors)
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {value.dtype} [{string.Join(", ", value.shape)}]"));
            var flat = value.detach().cpu().contiguous().view(-1);
            var step = HashBytes / flat.element_size();
            for (long done = 0; done < flat.shape[0]; done += step)
            {
                using var part = flat.narrow(0, done, Math.Min(step, flat.shape[0] - done));
                hash.AppendData(part.bytes);
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Quantization;
using IsVit.Optimization.Reconstruction;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Checkpoints;

/// <summary>
/// A folder that holds every reconstructed unit of a run, so that a run that was killed can go on. Everything else a run does is quick and is done
/// again with the same result.
/// </summary>
internal sealed class RunCheckpoint
{
    private const string RunFile = "run.json";
    private readonly string _directory;

    private RunCheckpoint(string directory) => _directory = directory;

    /// <summary>Opens a folder for a run, new or to be gone on with.</summary>
    /// <exception cref="QuantizationException">The folder belongs to a run with other options, another model or other images.</exception>
    public static RunCheckpoint Open(string directory, QuantizationOptions options, ModuleGraph graph, IReadOnlyList<Tensor> batches)
    {
        var identity = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["options"] = JsonSerializer.Serialize(options),
            ["model"] = Fingerprint(graph.Model.named_parameters().Select(static entry => (entry.name, (Tensor)entry.parameter))),
            ["images"] = Fingerprint(batches.Select(static (batch, index) => (index.ToString(CultureInfo.InvariantCulture), batch))),
            ["units"] = string.Join(' ', graph.Units.Select(static unit => unit.Path)),
        };
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, RunFile);
        if (File.Exists(path))
        {
            Dictionary<string, string>? found;
            try
            {
                found = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(path));
            }
            catch (JsonException e)
            {
                throw new QuantizationException($"'{path}' is no checkpoint: {e.Message}", e);
            }

            if (identity.FirstOrDefault(entry => found?.GetValueOrDefault(entry.Key) != entry.Value) is { Key: { } different })
            {
                throw new QuantizationException($"'{directory}' holds the checkpoint of another run: its {different} differ. Use another folder, or delete it.");
            }
        }
        else
        {
            WriteAtomically(path, JsonSerializer.Serialize(identity));
        }

        return new RunCheckpoint(directory);
    }

    public UnitResult? TryLoadUnit(int stageIndex, string stage, Unit unit, IReadOnlyList<(string Name, Parameter Parameter)> parameters)
    {
        var path = UnitPath(stageIndex, unit.Path);
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = SafetensorsFile.Open(path);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in parameters)
        {
            using var value = file.Read(name);
            parameter.copy_(value);
        }

        double Number(string key) => double.Parse(file.Metadata[key], CultureInfo.InvariantCulture);
        return new UnitResult(unit.Path, stage, Number("loss_before"), Number("loss_after"), (int)Number("iterations"), TimeSpan.FromSeconds(Number("seconds")), StopReason.Resumed);
    }

    public void SaveUnit(int stageIndex, UnitResult result, IReadOnlyList<(string Name, Parameter Parameter)> parameters)
    {
        static string Text(double value) => value.ToString("r", CultureInfo.InvariantCulture);
        SafetensorsWriter.Write(
            UnitPath(stageIndex, result.Unit),
            parameters.Select(static entry => KeyValuePair.Create(entry.Name, (Tensor)entry.Parameter)),
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["loss_before"] = Text(result.LossBefore),
                ["loss_after"] = Text(result.LossAfter),
                ["iterations"] = Text(result.Iterations),
                ["seconds"] = Text(result.Duration.TotalSeconds),
            });
    }

    private string UnitPath(int stageIndex, string unit) => Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"stage{stageIndex}.{unit}.safetensors"));

    private static string Fingerprint(IEnumerable<(string Name, Tensor Value)> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in tensors)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            using var contiguous = value.detach().cpu().contiguous();
            hash.AppendData(contiguous.bytes);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static void WriteAtomically(string path, string text)
    {
        var temporary = path + ".tmp";
        File.WriteAllText(temporary, text);
        File.Move(temporary, path, overwrite: true);
    }
}

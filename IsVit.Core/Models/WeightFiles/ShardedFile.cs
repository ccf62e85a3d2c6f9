using System.Text.Json;
using IsVit.Model.Files;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>Several files of one model, and the index that says which tensor lies in which: <c>{"weight_map": {"cls_token": "model-00001-of-00002.safetensors", ...}}</c>.</summary>
internal sealed class ShardedFile : WeightFile
{
    private const int MaxIndexBytes = 100_000_000;

    // Of most file systems.
    private const int MaxNameLength = 255;

    private readonly List<WeightFile> _shards;
    private readonly Dictionary<string, WeightFile> _shardOf;

    private ShardedFile(string path, List<WeightFile> shards, Dictionary<string, WeightFile> shardOf)
        : base(path, shardOf.ToDictionary(static entry => entry.Key, static entry => entry.Value.Tensors[entry.Key], StringComparer.Ordinal), new Dictionary<string, string>())
        => (_shards, _shardOf) = (shards, shardOf);

    /// <inheritdoc/>
    public override string Format => FormattableString.Invariant($"{_shards.Count} files, each {_shards[0].Format}");

    /// <summary>Opens an index and the files that it names, which lie in its folder.</summary>
    /// <param name="path">The index.</param>
    /// <exception cref="WeightFileException">The index or one of the files is broken, or a tensor is not in the file that the index names.</exception>
    /// <exception cref="IOException">A file does not exist or cannot be read.</exception>
    public static ShardedFile OpenIndex(string path)
    {
        path = Path.GetFullPath(path);
        var map = ReadIndex(path);
        var shards = new Dictionary<string, WeightFile>(StringComparer.Ordinal);
        try
        {
            var shardOf = new Dictionary<string, WeightFile>(StringComparer.Ordinal);
            foreach (var (tensor, name) in map)
            {
                if (!shards.TryGetValue(name, out var shard))
                {
                    shard = OpenSingle(Path.Combine(Path.GetDirectoryName(path)!, name));
                    shards.Add(name, shard);
                }

                shardOf[tensor] = shard.Tensors.ContainsKey(tensor) ? shard : throw new WeightFileException(path, tensor, $"it in '{name}', as the index says", "it is not there");
            }

            return new ShardedFile(path, [.. shards.Values], shardOf);
        }
        catch
        {
            foreach (var shard in shards.Values)
            {
                shard.Dispose();
            }

            throw;
        }
    }

    /// <inheritdoc/>
    internal override torch.ScalarType RequireReadable(string name) => _shardOf.TryGetValue(name, out var shard) ? shard.RequireReadable(name) : base.RequireReadable(name);

    /// <inheritdoc/>
    internal override MappedFile FileOf(string name) =>
        _shardOf.TryGetValue(name, out var shard) ? shard.FileOf(name) : throw new WeightFileException(FilePath, name, $"one of the {Tensors.Count} tensors of the index", "no tensor of that name");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var shard in _shards)
            {
                shard.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private static List<KeyValuePair<string, string>> ReadIndex(string path)
    {
        var length = new FileInfo(path) is { Exists: true } file ? file.Length : throw new FileNotFoundException($"{path}: no such file.", path);
        if (length > MaxIndexBytes)
        {
            throw new WeightFileException(path, null, $"an index of at most {MaxIndexBytes} bytes", FormattableString.Invariant($"{length}"));
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            {
                throw new WeightFileException(path, null, "an index with the object 'weight_map', which says which file each tensor is in", "JSON without it");
            }

            List<KeyValuePair<string, string>> entries = [.. map.EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, FileName(path, entry)))];
            return entries.Count > 0 ? entries : throw new WeightFileException(path, null, "at least one tensor in 'weight_map'", "none");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WeightFileException(path, null, "an index in JSON", WeightFileException.Shortened(e.Message), e);
        }
    }

    // An index may come from anywhere: it names files beside it and no others.
    private static string FileName(string path, JsonProperty entry)
    {
        var name = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : string.Empty;
        return name.Length > 0 && name == Path.GetFileName(name) && name.Length <= MaxNameLength && name is not ("." or "..") && name.IndexOfAny(['/', '\\', ':']) < 0 && !name.Any(char.IsControl)
            ? name
            : throw new WeightFileException(path, entry.Name, "the name of a file in the index's folder", $"{WeightFileException.Shortened(entry.Value.GetRawText())}");
    }
}

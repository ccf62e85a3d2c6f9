using System.Text.Json;
using IsVit.Core.Models.WeightFiles;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>The index of several files of weights.</summary>
internal sealed class ShardedTarget : Target
{
    public ShardedTarget()
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var tensors = Seeds.Tensors();
        Write("one.safetensors", Seeds.Safetensors(Folder, tensors.Take(4)));
        Write("two.safetensors", Seeds.Safetensors(Folder, tensors.Skip(4)));
        Whole =
        [
            JsonSerializer.SerializeToUtf8Bytes(new { metadata = new { total_size = 123 }, weight_map = tensors.Select(static (entry, i) => (entry.Key, i)).ToDictionary(static entry => entry.Key, static entry => entry.i < 4 ? "one.safetensors" : "two.safetensors") }),
        ];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; }

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed)
    {
        isSealed = false;
        return TextDamage.Of(Whole[which], random);
    }

    // A name that the index makes up may lead to no file; that is said as for any other.
    /// <inheritdoc/>
    public override bool Refuses(Exception error) => base.Refuses(error) || error is FileNotFoundException;

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed)
    {
        using var read = WeightFile.Open(Write("model.safetensors.index.json", file));
        using var index = JsonDocument.Parse(file);
        var map = index.RootElement.GetProperty("weight_map").EnumerateObject().ToList();
        if (!map.Select(static entry => entry.Name).ToHashSet(StringComparer.Ordinal).SetEquals(read.Tensors.Keys))
        {
            throw new WrongLoadException($"{read.Tensors.Count} tensors of {map.Count}");
        }

        foreach (var entry in map)
        {
            using var part = WeightFile.Open(Path.Combine(Folder, entry.Value.GetString()!));
            using var tensor = read.Read(entry.Name);
            using var same = part.Read(entry.Name);
            if (!tensor.bytes.SequenceEqual(same.bytes))
            {
                throw new WrongLoadException($"'{entry.Name}' is not that of '{entry.Value}'");
            }
        }
    }
}

using IsVit.Core.Models.WeightFiles;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Files of PyTorch and of TorchSharp.</summary>
internal sealed class PyTorchTarget : Target
{
    private readonly bool _isZip;
    private readonly Dictionary<string, byte[]>[] _tensors;

    public PyTorchTarget(IEnumerable<byte[]> whole, bool isZip = false)
    {
        (Whole, _isZip) = ([.. whole], isZip);
        _tensors = [.. Whole.Select(file => Tensors(file, out _))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; }

    /// <summary>A file of TorchSharp's.</summary>
    public static byte[] TorchSharp()
    {
        using var scope = torch.NewDisposeScope();
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream))
        {
            torch.nn.Module.save_state_dict(writer, Seeds.Tensors());
        }

        return stream.ToArray();
    }

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed)
    {
        var file = base.Damage(which, random, out isSealed);
        isSealed = _isZip && random.Next(2) == 0 && ZipChecksums.Renew(file);
        return file;
    }

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed)
    {
        var read = Tensors(file, out var isPyTorch);

        // With its checksums, the data of an archive is what was written; names and shapes lie in a part that has one as well.
        if (_isZip && isPyTorch && !isSealed && (read.Count != _tensors[which].Count || read.Any(entry => !_tensors[which].TryGetValue(entry.Key, out var expected) || !expected.AsSpan().SequenceEqual(entry.Value))))
        {
            throw new WrongLoadException("other tensors than were written");
        }
    }

    private Dictionary<string, byte[]> Tensors(byte[] file, out bool isPyTorch)
    {
        using var read = WeightFile.Open(Write("damaged.bin", file));

        // One zero is a file of TorchSharp's without a tensor.
        isPyTorch = read is PyTorchFile;
        var tensors = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (name, entry) in read.Tensors)
        {
            using var tensor = read.Read(name);
            if (!tensor.shape.AsSpan().SequenceEqual([.. entry.Shape]))
            {
                throw new WrongLoadException($"'{name}' is {entry} and was read as [{string.Join(", ", tensor.shape)}]");
            }

            tensors.Add(name, [.. tensor.bytes]);
        }

        return tensors;
    }
}

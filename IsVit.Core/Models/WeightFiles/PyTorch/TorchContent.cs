using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using IsVit.Model.Files;

namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>What a file of <c>torch.save</c> holds.</summary>
/// <param name="Root">The saved value.</param>
/// <param name="Offsets">Where the elements of each storage begin in the file.</param>
/// <param name="Records">Of a zip archive, the files that hold them, by the storage's key.</param>
/// <param name="Archive">The archive, if it is one.</param>
internal sealed record TorchContent(object? Root, IReadOnlyDictionary<string, long> Offsets, IReadOnlyDictionary<string, ZipRecord> Records, ZipArchiveIndex? Archive)
{
    // A pickle holds names and numbers, no elements.
    private const int MaxPickleBytes = 1 << 26;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>Reads a zip archive (PyTorch 1.6 and later): <c>data.pkl</c>, and the elements of each storage in a file of its own.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="WeightFileException">It is broken, or holds more than tensors and plain values.</exception>
    public static TorchContent OfArchive(MappedFile file)
    {
        var archive = new ZipArchiveIndex(file);
        var pickles = archive.Records.Values.Where(static record => record.Name == "data.pkl" || record.Name.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles.Count != 1)
        {
            throw new WeightFileException(file.FilePath, null, "one 'data.pkl' in the zip archive, as torch.save writes it", FormattableString.Invariant($"{pickles.Count} among {archive.Records.Count} files"));
        }

        var folder = pickles[0].Name[..^"data.pkl".Length];
        if (archive.Records.ContainsKey(folder + "constants.pkl"))
        {
            throw new WeightFileException(file.FilePath, null, "a state dict", "a TorchScript program; save the weights alone: torch.save(model.state_dict(), path)");
        }

        if (archive.Records.TryGetValue(folder + "byteorder", out var order) && order.Length <= 16 && !file.Slice(order.Offset, order.Length).SequenceEqual("little"u8))
        {
            throw new WeightFileException(file.FilePath, null, "elements with the lowest byte first", "another order of bytes");
        }

        archive.Verify(pickles[0], null);
        var reader = new PickleReader(file.FilePath);
        var bytes = file.Slice(pickles[0].Offset, Math.Min(pickles[0].Length, MaxPickleBytes));
        var root = reader.Read(bytes, out var length);
        Require(file, length == bytes.Length, FormattableString.Invariant($"a pickle of {pickles[0].Length} bytes"), FormattableString.Invariant($"one that ends after {length}"));
        var records = new Dictionary<string, ZipRecord>(StringComparer.Ordinal);
        foreach (var storage in reader.Storages.Values)
        {
            var bytesWanted = storage.Count * SizeOf(storage);
            Require(file, archive.Records.TryGetValue($"{folder}data/{storage.Key}", out var record), $"the elements of storage '{WeightFileException.Shortened(storage.Key)}' in the archive", "none");
            Require(file, record!.Length == bytesWanted, FormattableString.Invariant($"{bytesWanted} bytes in '{record.Name}'"), FormattableString.Invariant($"{record.Length}"));
            records.Add(storage.Key, record);
        }

        return new TorchContent(root, records.ToDictionary(static entry => entry.Key, static entry => entry.Value.Offset, StringComparer.Ordinal), records, archive);
    }

    /// <summary>Reads the format before 1.6: pickles of a magic number, a version, the system and the value; then the keys of the storages, and the length and elements of each.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="WeightFileException">It is broken, or holds more than tensors and plain values.</exception>
    public static TorchContent OfPickles(MappedFile file)
    {
        var reader = new PickleReader(file.FilePath);
        var position = 0L;
        object? Next()
        {
            var value = reader.Read(file.Slice(position, Math.Min(file.Length - position, MaxPickleBytes)), out var length);
            position += length;
            return value;
        }

        Require(file, Next() is BigInteger magic && magic == Magic, "the magic number of torch.save", "another value");
        Require(file, Next() is BigInteger version && version == 1001, "version 1001 of torch.save's format", "another one");
        Require(file, Next() is PickleDictionary system && system.Find("little_endian") is true, "elements with the lowest byte first", "another order of bytes");
        var root = Next();
        var keys = Next() as List<object?>;
        Require(file, keys is not null && keys.Count == reader.Storages.Count, FormattableString.Invariant($"the keys of {reader.Storages.Count} storages"), "another value");
        var offsets = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var key in keys!)
        {
            Require(file, key is string name && reader.Storages.ContainsKey(name) && !offsets.ContainsKey(name), "the key of a storage, once", "another value");
            var storage = reader.Storages[(string)key!];
            var bytes = storage.Count * SizeOf(storage);
            Require(file, file.Length - position >= sizeof(long) + bytes, FormattableString.Invariant($"{sizeof(long) + bytes} bytes of storage '{storage.Key}'"), FormattableString.Invariant($"{file.Length - position} that are left: the file was cut off"));
            var count = BinaryPrimitives.ReadInt64LittleEndian(file.Slice(position, sizeof(long)));
            Require(file, count == storage.Count, FormattableString.Invariant($"{storage.Count} elements in storage '{storage.Key}'"), FormattableString.Invariant($"{count}"));
            offsets.Add(storage.Key, position + sizeof(long));
            position += sizeof(long) + bytes;
        }

        Require(file, position == file.Length, FormattableString.Invariant($"the end of the file at byte {position}, after the last storage"), FormattableString.Invariant($"{file.Length - position} bytes more"));
        return new TorchContent(root, offsets, new Dictionary<string, ZipRecord>(), null);
    }

    private static long SizeOf(TorchStorage storage) => ElementType.TryFind(storage.ElementType, out var type) ? type.Bits / 8 : throw new InvalidOperationException(storage.ElementType);

    private static void Require(MappedFile file, bool condition, string expected, string found)
    {
        if (!condition)
        {
            throw new WeightFileException(file.FilePath, null, expected, found);
        }
    }
}

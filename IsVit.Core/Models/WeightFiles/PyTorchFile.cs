using System.Collections.Concurrent;
using System.Globalization;
using System.Numerics;
using IsVit.Core.Models.WeightFiles.PyTorch;
using IsVit.Model.Files;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>
/// A file that PyTorch's <c>torch.save</c> wrote: of a state dict, or of a training program's checkpoint that holds one under a customary key. Nothing in it is executed. Plain values beside the state dict
/// (such as <c>epoch</c> or <c>arch</c>) are texts of <see cref="WeightFile.Metadata"/>.
/// </summary>
internal sealed class PyTorchFile : WeightFile
{
    /// <summary>The text that says under which keys the state dict lay.</summary>
    public const string SectionKey = "state dict under";

    // A view may repeat its elements; more of them than this are not needed for weights.
    private const long MaxRepeatedBytes = 1 << 26;
    private const int MaxTexts = 20;
    private const int MaxTextLength = 200;

    private readonly TorchContent _content;
    private readonly Dictionary<string, string> _storages;
    private readonly ConcurrentDictionary<string, bool> _verified = new(StringComparer.Ordinal);

    /// <summary>Reads what a file holds.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="WeightFileException">It is broken, holds more than tensors and plain values, or holds no state dict.</exception>
    public PyTorchFile(MappedFile file)
        : this(file, IsZip(file) ? TorchContent.OfArchive(file) : TorchContent.OfPickles(file))
    {
    }

    private PyTorchFile(MappedFile file, TorchContent content)
        : this(file, content, TorchSection.Find(content.Root) ?? throw new WeightFileException(
            file.FilePath, null, $"a state dict, names with tensors, by itself or under one of the keys {TorchSection.Names}", Describe(content.Root)))
    {
    }

    private PyTorchFile(MappedFile file, TorchContent content, TorchSection section)
        : base(file, Entries(file, content, section), Texts(content, section))
    {
        _content = content;
        _storages = section.Tensors.ToDictionary(static entry => entry.Key, static entry => entry.Value.Storage.Key, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public override string Format => _content.Archive is null ? "PyTorch's torch.save before 1.6" : "PyTorch's torch.save";

    /// <summary>Whether a file can be nothing else.</summary>
    /// <param name="file">The file.</param>
    public static bool LooksLike(MappedFile file) => IsZip(file) || (file.Length >= 4 && file.Slice(0, 4) is [0x80, >= 2 and <= 5, 0x8a, 10]);

    /// <summary>Whether a file begins as any pickle does.</summary>
    /// <param name="file">The file.</param>
    public static bool MayBe(MappedFile file) => file.Length >= 2 && file.Slice(0, 2) is [0x80, >= 2 and <= 5];

    /// <inheritdoc/>
    internal override torch.ScalarType RequireReadable(string name)
    {
        var type = base.RequireReadable(name);
        if (_content.Archive is { } archive)
        {
            var storage = _storages[name];
            _verified.GetOrAdd(storage, key =>
            {
                archive.Verify(_content.Records[key], name);
                return true;
            });
        }

        return type;
    }

    private static bool IsZip(MappedFile file) => file.Length >= 4 && file.Slice(0, 4) is [(byte)'P', (byte)'K', 3, 4];

    private static Dictionary<string, TensorEntry> Entries(MappedFile file, TorchContent content, TorchSection section)
    {
        var entries = new Dictionary<string, TensorEntry>(section.Tensors.Count, StringComparer.Ordinal);
        foreach (var (name, tensor) in section.Tensors)
        {
            _ = ElementType.TryFind(tensor.Storage.ElementType, out var type);
            var size = type!.Bits / 8;
            if (type.ByteCount(tensor.Shape) is not { } bytes || bytes > Math.Max(tensor.Storage.Count * size, MaxRepeatedBytes))
            {
                throw new WeightFileException(file.FilePath, name, FormattableString.Invariant($"a tensor of at most {Math.Max(tensor.Storage.Count * size, MaxRepeatedBytes)} bytes over a storage of {tensor.Storage.Count} elements"), $"[{string.Join(", ", tensor.Shape)}]");
            }

            // An empty view may begin anywhere, and nothing of it is read.
            var offset = content.Offsets[tensor.Storage.Key] + (bytes == 0 ? 0 : tensor.Offset * size);
            entries.Add(name, new TensorEntry(name, type.Name, tensor.Shape, offset, bytes) { Strides = tensor.IsContiguous ? null : tensor.Strides });
        }

        return entries;
    }

    private static Dictionary<string, string> Texts(TorchContent content, TorchSection section)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        if (section.Path.Length > 0)
        {
            texts.Add(SectionKey, section.Path);
        }

        foreach (var (key, value) in ((PickleDictionary)content.Root!).Items)
        {
            var text = value switch
            {
                string given => given,
                BigInteger number => number.ToString(CultureInfo.InvariantCulture),
                double number => number.ToString(CultureInfo.InvariantCulture),
                _ => null,
            };
            if (text is { Length: <= MaxTextLength } && key.Length <= MaxTextLength && texts.Count < MaxTexts)
            {
                texts.TryAdd(key, text);
            }
        }

        return texts;
    }

    private static string Describe(object? root) => root switch
    {
        PickleDictionary dictionary => $"a dictionary of {string.Join(", ", dictionary.Items.Take(5).Select(static item => $"'{WeightFileException.Shortened(item.Key)}'"))}{(dictionary.Items.Count > 5 ? ", ..." : string.Empty)}",
        TorchTensor => "one tensor without a name",
        PickleInert inert => $"an object of the type '{inert.Name}'",
        _ => "another value",
    };
}

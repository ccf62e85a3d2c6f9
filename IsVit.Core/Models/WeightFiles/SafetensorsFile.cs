using IsVit.Model.Files;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>A safetensors file of torch tensors. <see cref="SafetensorsReader"/> reads such files without torch.</summary>
public sealed class SafetensorsFile : WeightFile
{
    private const int ChunkBytes = 1 << 26;

    internal SafetensorsFile(SafetensorsReader reader)
        : base(reader.File, reader.Tensors, reader.Metadata)
    {
    }

    /// <inheritdoc/>
    public override string Format => "safetensors";

    /// <summary>Opens a safetensors file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightFileException">The file is not a safetensors file, or is corrupt.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static new SafetensorsFile Open(string path) => new(SafetensorsReader.Open(path));

    /// <summary>
    /// Writes a file: first to a temporary file in the same folder, which then replaces it, so that no reader ever sees a partial file. Tensors are written one at a time; one that is on
    /// another device or not contiguous is copied while it is written.
    /// </summary>
    /// <param name="path">The file; replaced if it exists. Its folder must exist.</param>
    /// <param name="entries">Names and tensors: float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8 or bool.</param>
    /// <param name="metadata">Additional texts to store with the tensors.</param>
    /// <exception cref="ArgumentException">A name is duplicate or reserved, or a tensor's type is not supported.</exception>
    /// <exception cref="WeightFileException">The header would be longer than the format allows.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, torch.Tensor>> entries, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(entries);
        SafetensorsWriter.Write(path, entries.Select(static entry => KeyValuePair.Create(entry.Key, Data(entry.Key, entry.Value))), metadata);
    }

    /// <summary>A tensor as what a file holds. The tensor must live until it is written.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="tensor">The tensor.</param>
    /// <exception cref="ArgumentException">The tensor's type is not supported.</exception>
    internal static TensorData Data(string name, torch.Tensor tensor) => TorchElementTypes.Find(tensor.dtype) is { } type
        ? new(type, tensor.shape, stream => Write(tensor, stream))
        : throw new ArgumentException($"Tensor '{name}' is of type {tensor.dtype}; expected one of {TorchElementTypes.Names}.", nameof(tensor));

    private static void Write(torch.Tensor tensor, Stream stream)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var flat = tensor.detach().cpu().contiguous().view(-1);
        var step = ChunkBytes / flat.ElementSize;
        for (var done = 0L; done < flat.shape[0]; done += step)
        {
            using var part = flat.narrow(0, done, Math.Min(step, flat.shape[0] - done));
            stream.Write(part.bytes);
        }
    }
}

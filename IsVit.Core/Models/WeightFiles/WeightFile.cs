using IsVit.Core.Models.WeightFiles.PyTorch;
using IsVit.Model.Files;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>A file of named tensors, or several that belong together, open for reading. The list of tensors is validated when it is opened; their data are read on demand.</summary>
public abstract class WeightFile : IDisposable
{
    private protected const string Readable = "safetensors, an index of several such files (.json), a file of PyTorch's torch.save, or of TorchSharp's module.save";

    private const int ChunkBytes = 1 << 30;

    private readonly MappedFile? _file;

    private protected WeightFile(MappedFile file, IReadOnlyDictionary<string, TensorEntry> tensors, IReadOnlyDictionary<string, string> metadata)
        : this(file.FilePath, tensors, metadata) => _file = file;

    private protected WeightFile(string filePath, IReadOnlyDictionary<string, TensorEntry> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        FilePath = filePath;
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The file's full path; of several files that of their index.</summary>
    public string FilePath { get; }

    /// <summary>The format in a few words, e.g. <c>safetensors</c>.</summary>
    public abstract string Format { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The texts that the file contains besides its tensors; empty if it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>
    /// Opens a file by its content: safetensors; an index of several files, as Hugging Face writes it (<c>model.safetensors.index.json</c>, <c>pytorch_model.bin.index.json</c>); PyTorch's <c>torch.save</c>
    /// (zip, or the format before 1.6), of which a restricted reader takes tensors and plain values and nothing is ever executed; TorchSharp's <c>module.save</c>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightFileException">The file has another format, is corrupt, or holds more than tensors and plain values.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static WeightFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? ShardedFile.OpenIndex(path) : OpenSingle(path);
    }

    /// <summary>Opens a file that is no index.</summary>
    internal static WeightFile OpenSingle(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            if (ForeignFile.Describe(file) is { } foreign)
            {
                throw new WeightFileException(file.FilePath, null, Readable, foreign);
            }

            return SafetensorsReader.LooksLike(file) || path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? new SafetensorsFile(new SafetensorsReader(file))
                : PyTorchFile.LooksLike(file) ? new PyTorchFile(file)
                : PyTorchFile.MayBe(file) ? OpenAmbiguous(file)
                : new TorchSharpFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // What any pickle begins with may be the number of tensors in TorchSharp's format as well.
    private static WeightFile OpenAmbiguous(MappedFile file)
    {
        try
        {
            return new TorchSharpFile(file);
        }
        catch (WeightFileException)
        {
            return new PyTorchFile(file);
        }
    }

    /// <summary>Reads a tensor.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <returns>A tensor of the file's type and shape on the CPU, which belongs to the caller (to the dispose scope that is open).</returns>
    /// <exception cref="WeightFileException">No tensor has that name, its type is not supported, or its data is corrupt.</exception>
    public torch.Tensor Read(string name)
    {
        RequireReadable(name);
        return Read(FileOf(name), Find(name));
    }

    /// <summary>Reads a tensor of any file that is mapped.</summary>
    internal static torch.Tensor Read(MappedFile file, TensorEntry info)
    {
        var tensor = torch.empty([.. info.Shape], RequireReadable(file, info), torch.CPU);
        try
        {
            Copy(file, info, tensor);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor into an existing one, with type and device conversion as needed.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <param name="destination">A tensor of the same shape, any type and device.</param>
    /// <exception cref="WeightFileException">No tensor has that name, its type is not supported, its data is corrupt, or the shapes differ.</exception>
    public void ReadInto(string name, torch.Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var info = Find(name);
        var type = RequireReadable(name);
        if (!info.Shape.SequenceEqual(destination.shape))
        {
            throw new WeightFileException(FilePath, name, $"shape [{string.Join(", ", destination.shape)}]", $"[{string.Join(", ", info.Shape)}]");
        }

        using var noGrad = torch.no_grad();
        if (destination.dtype == type && destination.device_type == DeviceType.CPU && destination.is_contiguous())
        {
            Copy(FileOf(name), info, destination);
            return;
        }

        using var source = Read(name);
        destination.copy_(source);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether a tensor's data can be read into torch; throws the reason otherwise.</summary>
    internal virtual torch.ScalarType RequireReadable(string name) => RequireReadable(FileOf(name), Find(name));

    /// <summary>The bytes that a tensor lies in.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    internal virtual MappedFile FileOf(string name) => _file!;

    private static torch.ScalarType RequireReadable(MappedFile file, TensorEntry info)
    {
        if (TorchElementTypes.Find(info.ElementType) is not { } type)
        {
            throw new WeightFileException(file.FilePath, info.Name, $"one of the types {TorchElementTypes.Names}", $"{info.ElementType}, which TorchSharp has no tensors of{(info.ElementType.StartsWith("F8", StringComparison.Ordinal) ? "; 8-bit floats are already quantized: use the weights they were made of" : string.Empty)}");
        }

        if (type == torch.ScalarType.Bool && info.Strides is null && info.ByteCount <= int.MaxValue)
        {
            var bytes = file.Slice(info.Offset, info.ByteCount);
            var wrong = bytes.IndexOfAnyExceptInRange((byte)0, (byte)1);
            if (wrong >= 0)
            {
                throw new WeightFileException(file.FilePath, info.Name, "only 0 and 1 in a BOOL tensor", FormattableString.Invariant($"{bytes[wrong]} at element {wrong}"));
            }
        }

        return type;
    }

    /// <summary>Closes the file.</summary>
    /// <param name="disposing">Whether called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file?.Dispose();
        }
    }

    // As many bytes as the tensor has, which is contiguous and on the CPU.
    private static void Copy(MappedFile file, TensorEntry info, torch.Tensor destination)
    {
        file.RequireNotShortened(info.Name);
        if (info.Strides is { } strides)
        {
            CopyStrided(file, info, strides, destination);
            return;
        }

        using var flat = destination.view(-1);
        var elementSize = destination.ElementSize;
        var step = ChunkBytes / elementSize;
        for (var done = 0L; done < flat.shape[0]; done += step)
        {
            using var part = flat.narrow(0, done, Math.Min(step, flat.shape[0] - done));
            var bytes = part.bytes;
            file.Slice(info.Offset + (done * elementSize), bytes.Length).CopyTo(bytes);
        }
    }

    // Everything between the first and the last element, of which the tensor is a view.
    private static void CopyStrided(MappedFile file, TensorEntry info, IReadOnlyList<long> strides, torch.Tensor destination)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var elements = info.Shape.Contains(0) ? 0 : 1 + info.Shape.Zip(strides, static (length, stride) => (length - 1) * stride).Sum();
        var all = torch.empty([elements], destination.dtype, torch.CPU);
        if (elements > 0)
        {
            Copy(file, new TensorEntry(info.Name, info.ElementType, [elements], info.Offset, elements * destination.ElementSize), all);
            destination.copy_(all.as_strided([.. info.Shape], [.. strides]));
        }
    }

    private TensorEntry Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Tensors.TryGetValue(name, out var info)
            ? info
            : throw new WeightFileException(FilePath, name, $"one of the file's {Tensors.Count} tensors", "no tensor of that name");
    }
}

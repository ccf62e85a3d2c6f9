using IsVit.Model.Files;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>A file of named tensors, open for reading. Its list of tensors is validated when it is opened; their data is read on demand.</summary>
public abstract class WeightFile : IDisposable
{
    private const int ChunkBytes = 1 << 30;

    private readonly MappedFile _file;

    private protected WeightFile(MappedFile file, IReadOnlyDictionary<string, TensorEntry> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        _file = file;
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The file's full path.</summary>
    public string FilePath => _file.FilePath;

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The texts that the file contains besides its tensors; empty if the format has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a safetensors file, or a file in TorchSharp's own format (<c>module.save</c>), depending on its content.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightFileException">The file has neither format, or is corrupt.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static WeightFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = MappedFile.Open(path);
        try
        {
            if (SafetensorsReader.LooksLike(file))
            {
                return new SafetensorsFile(new SafetensorsReader(file));
            }

            if (file.Length >= 2 && file.Slice(0, 2).SequenceEqual("PK"u8))
            {
                throw new WeightFileException(
                    file.FilePath,
                    null,
                    "a safetensors file or one in TorchSharp's format",
                    "a zip archive, as PyTorch's torch.save writes; export it with safetensors.torch.save_file(model.state_dict(), path)");
            }

            return new TorchSharpFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <returns>A tensor of the file's type and shape on the CPU, which belongs to the caller (to the dispose scope that is open).</returns>
    /// <exception cref="WeightFileException">No tensor has that name, its type is not supported, or its data is corrupt.</exception>
    public torch.Tensor Read(string name) => Read(_file, Find(name));

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
        var type = RequireReadable(_file, info);
        if (!info.Shape.SequenceEqual(destination.shape))
        {
            throw new WeightFileException(FilePath, name, $"shape [{string.Join(", ", destination.shape)}]", $"[{string.Join(", ", info.Shape)}]");
        }

        using var noGrad = torch.no_grad();
        if (destination.dtype == type && destination.device_type == DeviceType.CPU && destination.is_contiguous())
        {
            Copy(_file, info, destination);
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
    internal torch.ScalarType RequireReadable(TensorEntry info) => RequireReadable(_file, info);

    private static torch.ScalarType RequireReadable(MappedFile file, TensorEntry info)
    {
        if (TorchElementTypes.Find(info.ElementType) is not { } type)
        {
            throw new WeightFileException(file.FilePath, info.Name, $"one of the types {TorchElementTypes.Names}", $"{info.ElementType}, which TorchSharp has no tensors of");
        }

        if (type == torch.ScalarType.Bool && info.ByteCount <= int.MaxValue)
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
            _file.Dispose();
        }
    }

    // As many bytes as the tensor has, which is contiguous and on the CPU.
    private static void Copy(MappedFile file, TensorEntry info, torch.Tensor destination)
    {
        file.RequireNotShortened(info.Name);
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

    private TensorEntry Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Tensors.TryGetValue(name, out var info)
            ? info
            : throw new WeightFileException(FilePath, name, $"one of the file's {Tensors.Count} tensors", "no tensor of that name");
    }
}

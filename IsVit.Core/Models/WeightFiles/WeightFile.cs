using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>A file of named tensors, open for reading. Its list of tensors is checked when it is opened; their data is read when asked for.</summary>
public abstract class WeightFile : IDisposable
{
    private readonly MappedFile _file;

    private protected WeightFile(MappedFile file, IReadOnlyList<WeightTensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        _file = file;
        Tensors = tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        Metadata = metadata;
    }

    /// <summary>The file's full path.</summary>
    public string FilePath => _file.FilePath;

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, WeightTensorInfo> Tensors { get; }

    /// <summary>The texts that the file holds beside its tensors; empty where the format has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a safetensors file, or a file in TorchSharp's own format (<c>module.save</c>), whichever its content is.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightFileException">The file is neither, or broken.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static WeightFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = MappedFile.Open(path);
        try
        {
            if (SafetensorsFile.LooksLike(file))
            {
                return new SafetensorsFile(file);
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
    /// <exception cref="WeightFileException">There is none of that name, its type is not supported, or its data is broken.</exception>
    public torch.Tensor Read(string name)
    {
        var info = Find(name);
        var type = RequireReadable(info);
        var tensor = torch.empty([.. info.Shape], type, torch.CPU);
        try
        {
            _file.CopyTo(info.Offset, tensor, name);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor into one that exists, converting type and moving device as needed.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <param name="destination">A tensor of the same shape, any type and device.</param>
    /// <exception cref="WeightFileException">There is none of that name, its type is not supported, its data is broken, or the shapes differ.</exception>
    public void ReadInto(string name, torch.Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var info = Find(name);
        var type = RequireReadable(info);
        if (!info.Shape.SequenceEqual(destination.shape))
        {
            throw new WeightFileException(FilePath, name, $"shape [{string.Join(", ", destination.shape)}]", $"[{string.Join(", ", info.Shape)}]");
        }

        using var noGrad = torch.no_grad();
        if (destination.dtype == type && destination.device_type == DeviceType.CPU && destination.is_contiguous())
        {
            _file.CopyTo(info.Offset, destination, name);
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

    /// <summary>Bytes of the file, mapped: valid until it is disposed.</summary>
    private protected ReadOnlySpan<byte> Bytes(long offset, long count) => _file.Slice(offset, count);

    /// <summary>Whether a tensor's data can be read into torch; throws the reason otherwise.</summary>
    internal torch.ScalarType RequireReadable(WeightTensorInfo info)
    {
        if (info.ScalarType is not { } type)
        {
            throw new WeightFileException(FilePath, info.Name, $"one of the types {WeightDType.SupportedNames}", $"{info.DType}, which TorchSharp has no tensors of");
        }

        if (type == torch.ScalarType.Bool && info.ByteCount <= int.MaxValue)
        {
            var bytes = _file.Slice(info.Offset, info.ByteCount);
            var wrong = bytes.IndexOfAnyExceptInRange((byte)0, (byte)1);
            if (wrong >= 0)
            {
                throw new WeightFileException(FilePath, info.Name, "only 0 and 1 in a BOOL tensor", $"{bytes[wrong]} at element {wrong}");
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

    private WeightTensorInfo Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Tensors.TryGetValue(name, out var info)
            ? info
            : throw new WeightFileException(FilePath, name, $"one of the file's {Tensors.Count} tensors", "no tensor of that name");
    }
}

using System.Globalization;
using System.Runtime.CompilerServices;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Moves activations into files that are mapped into memory. They stay readable where they are; the system writes them out when it needs their memory.</summary>
/// <param name="directory">The folder for the files, which have no name there once they are mapped.</param>
internal sealed class MappedStore(string directory) : IActivationStore
{
    private readonly ConditionalWeakTable<Tensor, object> _mapped = [];

    public Tensor Offload(Tensor value)
    {
        if (value.device_type != DeviceType.CPU || value.NumberOfElements == 0 || _mapped.TryGetValue(value, out _))
        {
            return value;
        }

        using var scope = NewDisposeScope();
        var shape = value.shape;
        var source = value.is_contiguous() ? value : value.contiguous();
        var mapped = Map(value.NumberOfElements, value.ElementSize, value.dtype).view(shape);
        mapped.copy_(source);
        value.set_(mapped);
        _mapped.Add(value, this);
        return value;
    }

    public void Restore(Tensor value, Tensor offloaded)
    {
        // It is used where it is.
    }

    private Tensor Map(long count, long elementSize, ScalarType type)
    {
        var path = Path.Combine(directory, $"isvit-{Guid.NewGuid():n}.activations");
        var bytes = count * elementSize;
        try
        {
            // A mapped file that cannot grow ends the process when it is written to: its space is reserved first.
            new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, PreallocationSize = bytes }).Dispose();
            return from_file(path, shared: true, size: count, dtype: type);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantizationException(
                string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes ({bytes >> 20} MiB) of activations cannot be kept in '{directory}' ({nameof(ReconstructionOptions)}.{nameof(ReconstructionOptions.CacheDirectory)}): {e.Message}"), e);
        }
        finally
        {
            Forget(path);
        }
    }

    // What is mapped needs no name. Where the system does not let go of the name of an open file, the file stays until the folder is cleaned.
    private static void Forget(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}

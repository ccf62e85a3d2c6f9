using System.Runtime.InteropServices;

namespace IsVit.Model.Files;

/// <summary>A tensor to be written to a file.</summary>
public sealed class TensorData
{
    private readonly Action<Stream> _write;

    /// <summary>Creates a tensor whose bytes are produced when they are written.</summary>
    /// <param name="elementType">The element type in the notation of safetensors, e.g. <c>F32</c>.</param>
    /// <param name="shape">The shape; empty for a scalar.</param>
    /// <param name="write">Writes the elements in row-major order, little-endian; called once, or twice if the file has checksums.</param>
    /// <exception cref="ArgumentException">The element type is not one of the format's, or a length of the shape is negative, or the tensor's size is not a whole number of bytes.</exception>
    public TensorData(string elementType, IReadOnlyList<long> shape, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(write);
        if (!Files.ElementType.TryFind(elementType, out var type))
        {
            throw new ArgumentException($"The element type is '{elementType}'; expected one of {Files.ElementType.Names}.", nameof(elementType));
        }

        Type = type;
        Shape = [.. shape];
        ByteCount = Shape.Any(static length => length < 0) ? throw Unfit(nameof(shape)) : type.ByteCount(Shape) ?? throw Unfit(nameof(shape));
        _write = write;
    }

    /// <summary>The element type in the notation of safetensors, e.g. <c>F32</c>.</summary>
    public string ElementType => Type.Name;

    /// <summary>The shape; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The length of its data in bytes.</summary>
    public long ByteCount { get; }

    internal ElementType Type { get; }

    /// <summary>Creates a tensor of bytes (<c>U8</c>).</summary>
    /// <param name="values">The elements in row-major order; not copied.</param>
    /// <param name="shape">The shape; if omitted, a vector of all elements.</param>
    /// <exception cref="ArgumentException">The number of elements does not match the shape.</exception>
    public static TensorData Of(byte[] values, params long[] shape) => Of("U8", values, shape);

    /// <summary>Creates a tensor of float32 values (<c>F32</c>).</summary>
    /// <param name="values">The elements in row-major order; not copied.</param>
    /// <param name="shape">The shape; if omitted, a vector of all elements.</param>
    /// <exception cref="ArgumentException">The number of elements does not match the shape.</exception>
    public static TensorData Of(float[] values, params long[] shape) => Of("F32", values, shape);

    /// <summary>Creates a tensor of float64 values (<c>F64</c>).</summary>
    /// <param name="values">The elements in row-major order; not copied.</param>
    /// <param name="shape">The shape; if omitted, a vector of all elements.</param>
    /// <exception cref="ArgumentException">The number of elements does not match the shape.</exception>
    public static TensorData Of(double[] values, params long[] shape) => Of("F64", values, shape);

    /// <summary>Writes the elements.</summary>
    /// <param name="stream">Written from its current position.</param>
    public void WriteTo(Stream stream) => _write(stream);

    private static TensorData Of<T>(string elementType, T[] values, long[] shape)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(shape);
        var data = new TensorData(elementType, shape.Length == 0 ? [values.Length] : shape, stream => stream.Write(MemoryMarshal.AsBytes<T>(values)));
        return data.ByteCount * 8 == (long)values.Length * data.Type.Bits
            ? data
            : throw new ArgumentException($"There are {values.Length} elements for a tensor of shape [{string.Join(", ", shape)}].", nameof(values));
    }

    private ArgumentException Unfit(string parameter) => new($"No tensor of {ElementType} has the shape [{string.Join(", ", Shape)}].", parameter);
}

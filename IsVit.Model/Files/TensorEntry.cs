namespace IsVit.Model.Files;

/// <summary>The description of a tensor in a file.</summary>
public sealed class TensorEntry
{
    internal TensorEntry(string name, string elementType, IReadOnlyList<long> shape, long offset, long byteCount) =>
        (Name, ElementType, Shape, Offset, ByteCount) = (name, elementType, shape, offset, byteCount);

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The element type in the notation of safetensors, e.g. <c>F32</c>, <c>BF16</c>, <c>I64</c>.</summary>
    public string ElementType { get; }

    /// <summary>The shape; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The offset of its first element, in bytes from the start of the file that holds it.</summary>
    public long Offset { get; }

    /// <summary>The length of its data in bytes.</summary>
    public long ByteCount { get; }

    /// <summary>How many elements lie between two neighbours along each axis; null where the elements lie row-major without gaps.</summary>
    internal IReadOnlyList<long>? Strides { get; init; }

    /// <summary>Whether it has an element type and a shape.</summary>
    internal bool Is(string elementType, params ReadOnlySpan<long> shape)
    {
        if (ElementType != elementType || Shape.Count != shape.Length)
        {
            return false;
        }

        for (var i = 0; i < shape.Length; i++)
        {
            if (Shape[i] != shape[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {ElementType} [{string.Join(", ", Shape)}]";
}

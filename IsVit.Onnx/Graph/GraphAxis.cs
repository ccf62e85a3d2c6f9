namespace IsVit.Onnx.Graph;

/// <summary>An axis of a graph's input or output.</summary>
/// <param name="Name">What it is called where its length may be any; null for a fixed length.</param>
/// <param name="Length">The fixed length.</param>
internal readonly record struct GraphAxis(string? Name, long Length)
{
    public static implicit operator GraphAxis(string name) => new(name, 0);

    public static implicit operator GraphAxis(long length) => new(null, length);
}

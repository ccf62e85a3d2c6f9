namespace IsVit.Core.Graph;

/// <summary>A module that is reconstructed as a whole: a block, the patch embedding, the head.</summary>
/// <param name="Path">The module's path from the root module.</param>
public sealed record Unit(string Path)
{
    /// <summary>The shape of each input tensor, for the traced batch.</summary>
    public IReadOnlyList<IReadOnlyList<long>> InputShapes { get; init; } = [];

    /// <summary>The shape of each output tensor, for the traced batch.</summary>
    public IReadOnlyList<IReadOnlyList<long>> OutputShapes { get; init; } = [];

    /// <summary>The size in memory of one sample's inputs, in bytes.</summary>
    public long InputBytesPerSample { get; init; }

    /// <summary>The size in memory of one sample's outputs, in bytes.</summary>
    public long OutputBytesPerSample { get; init; }

    /// <summary>Whether a module is the unit itself or is contained in it.</summary>
    /// <param name="path">The module's path.</param>
    public bool Contains(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path == Path || ModulePath.IsInside(path, Path);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Path} {Text(InputShapes)} -> {Text(OutputShapes)}";

    private static string Text(IReadOnlyList<IReadOnlyList<long>> shapes) => string.Join(", ", shapes.Select(static shape => $"[{string.Join(", ", shape)}]"));
}

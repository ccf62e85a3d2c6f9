namespace IsVit.Core.Graph;

/// <summary>A module that is reconstructed at once: a block, the patch embedding, the head.</summary>
/// <param name="Path">The module's path from the root.</param>
/// <param name="InputShape">The shape of what flows in, for the traced batch.</param>
/// <param name="OutputShape">The shape of what flows out, likewise.</param>
/// <param name="BytesPerSample">What one sample's input and output take in memory together, in bytes.</param>
public sealed record Unit(string Path, IReadOnlyList<long> InputShape, IReadOnlyList<long> OutputShape, long BytesPerSample)
{
    /// <summary>Whether a module is the unit or lies inside it.</summary>
    /// <param name="path">The module's path.</param>
    public bool Contains(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path == Path || ModulePath.IsInside(path, Path);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Path} [{string.Join(", ", InputShape)}] -> [{string.Join(", ", OutputShape)}]";
}

namespace IsVit.Runtime.Layers;

/// <summary>Adds a branch to what it started from, scaled channel by channel if the model says so.</summary>
internal sealed class ResidualLayer(ModelParts parts, string scalePath, int width, bool isScaled)
{
    private readonly float[]? _scale = isScaled ? parts.Floats($"{scalePath}.gamma", width) : null;

    /// <summary>Adds rows.</summary>
    /// <param name="branch">Rows; overwritten.</param>
    /// <param name="branchStride">The distance between them.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="stream">Rows that the branch is added to.</param>
    /// <param name="streamStride">The distance between them, and their length.</param>
    public void Add(Span<float> branch, int branchStride, int rows, Span<float> stream, int streamStride)
    {
        for (var row = 0; row < rows; row++)
        {
            var added = branch.Slice(row * branchStride, width);
            if (_scale is not null)
            {
                Rows.Multiply(added, _scale);
            }

            Rows.Add(stream.Slice(row * streamStride, width), added);
        }
    }
}

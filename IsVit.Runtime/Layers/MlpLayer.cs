using System.Numerics;
using IsVit.Model.Architectures;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Layers;

/// <summary>A block's two layers with GELU, or SiLU and a product of halves (SwiGLU), between them.</summary>
internal sealed class MlpLayer
{
    private readonly LinearLayer _fc1;
    private readonly LinearLayer _fc2;
    private readonly MlpKind _kind;

    /// <summary>Takes the layers from a model.</summary>
    public MlpLayer(ModelParts parts, string path, int width, int hidden, MlpKind kind, bool hasBias)
    {
        _kind = kind;
        _fc1 = LinearLayer.Create(parts, $"{path}.fc1", width, hidden, hasBias);
        _fc2 = LinearLayer.Create(parts, $"{path}.fc2", kind == MlpKind.Gelu ? hidden : hidden / 2, width, hasBias);
    }

    /// <summary>Applies both layers to rows.</summary>
    /// <param name="input">Rows; they are overwritten with the output.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="scratch">The worker's memory, whose stride rows have; <see cref="Scratch.Second"/> is overwritten.</param>
    public void Apply(Span<float> input, int rows, Scratch scratch)
    {
        var hidden = scratch.Second;
        var stride = scratch.Stride;
        _fc1.Apply(input, stride, rows, hidden, stride, scratch);
        for (var row = 0; row < rows; row++)
        {
            Activate(hidden.Slice(row * stride, _fc1.OutputWidth));
        }

        _fc2.Apply(hidden, stride, rows, input, stride, scratch);
    }

    private void Activate(Span<float> row)
    {
        if (_kind == MlpKind.Gelu)
        {
            Gelu.Apply(row);
            return;
        }

        var gate = row[.._fc2.InputWidth];
        Silu.Apply(gate);
        Rows.Multiply(gate, row[_fc2.InputWidth..]);
    }
}

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

    /// <summary>Takes a row as the first layer's left operand.</summary>
    /// <param name="input">The row.</param>
    /// <param name="index">Which row it is.</param>
    /// <param name="scratch">The worker's memory; <see cref="Scratch.Left"/> receives it.</param>
    public void Take(ReadOnlySpan<float> input, int index, Scratch scratch) => _fc1.Take(input, index, scratch.Left);

    /// <summary>Applies both layers to the rows that were taken.</summary>
    /// <param name="rows">The number of rows.</param>
    /// <param name="output">Receives rows of the scratch memory's stride.</param>
    /// <param name="scratch">The worker's memory; <see cref="Scratch.Second"/> is overwritten.</param>
    public void Apply(int rows, Span<float> output, Scratch scratch)
    {
        if (_kind == MlpKind.Gelu && _fc2.TakesParts)
        {
            _fc1.Multiply(scratch.Left, rows, new NextOperand(_fc2, scratch.Next, 0, _fc1.OutputWidth, isActivated: true));
            _fc2.CloseParts(rows, scratch.Next);
        }
        else
        {
            var hidden = scratch.Second;
            _fc1.Multiply(scratch.Left, rows, hidden, scratch.Stride);
            for (var row = 0; row < rows; row++)
            {
                var numbers = hidden.Slice(row * scratch.Stride, _fc1.OutputWidth);
                Activate(numbers);
                _fc2.Take(numbers[.._fc2.InputWidth], row, scratch.Next);
            }
        }

        _fc2.Multiply(scratch.Next, rows, output, scratch.Stride);
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

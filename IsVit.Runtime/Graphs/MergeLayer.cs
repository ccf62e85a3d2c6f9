using IsVit.Model.Architectures;
using IsVit.Runtime.Layers;

namespace IsVit.Runtime.Graphs;

/// <summary>Four neighbouring tokens as one of twice the width (Liu et al., arXiv 2103.14030, section 3.1); a map of an odd side is filled up with zeros.</summary>
internal sealed class MergeLayer
{
    private readonly NormLayer _norm;
    private readonly LinearLayer _reduction;
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _width;

    /// <summary>Takes the layer from a model.</summary>
    /// <param name="parts">The model.</param>
    /// <param name="path">The layer's path.</param>
    /// <param name="options">The model's shape.</param>
    /// <param name="layer">The layer whose tokens are merged.</param>
    /// <param name="rows">The rows of its map.</param>
    /// <param name="columns">The columns of its map.</param>
    public MergeLayer(ModelParts parts, string path, SwinTransformerOptions options, int layer, int rows, int columns)
    {
        (_rows, _columns, _width) = (rows, columns, options.DimOf(layer));
        _norm = new(parts, $"{path}.norm", 4 * _width, options.LayerNormEps);
        _reduction = LinearLayer.Create(parts, $"{path}.reduction", 4 * _width, options.DimOf(layer + 1), hasBias: false);
    }

    /// <summary>The rows of the merged map.</summary>
    public int Rows => (_rows + 1) / 2;

    /// <summary>The columns of the merged map.</summary>
    public int Columns => (_columns + 1) / 2;

    /// <summary>Merges tokens.</summary>
    /// <param name="tokens">[rows x columns, width].</param>
    /// <param name="first">The first merged token.</param>
    /// <param name="count">The number of merged tokens.</param>
    /// <param name="merged">[merged rows x merged columns, 2 x width].</param>
    /// <param name="scratch">The worker's memory.</param>
    public void Apply(ReadOnlySpan<float> tokens, int first, int count, Span<float> merged, Scratch scratch)
    {
        for (var i = 0; i < count; i++)
        {
            var (row, column) = ((first + i) / Columns * 2, (first + i) % Columns * 2);
            var square = scratch.First.Slice(i * scratch.Stride, 4 * _width);
            for (var part = 0; part < 4; part++)
            {
                // Column by column of the square.
                var (down, right) = (row + (part % 2), column + (part / 2));
                var target = square.Slice(part * _width, _width);
                if (down < _rows && right < _columns)
                {
                    tokens.Slice(((down * _columns) + right) * _width, _width).CopyTo(target);
                }
                else
                {
                    target.Clear();
                }
            }

            _norm.Apply(square, square);
        }

        _reduction.Apply(scratch.First, scratch.Stride, count, scratch.Second, scratch.Stride, scratch);
        for (var i = 0; i < count; i++)
        {
            scratch.Second.Slice(i * scratch.Stride, _reduction.OutputWidth).CopyTo(merged[((first + i) * _reduction.OutputWidth)..]);
        }
    }
}

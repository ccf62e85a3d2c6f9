using IsVit.Model.Architectures;
using IsVit.Runtime.Layers;

namespace IsVit.Runtime.Graphs;

/// <summary>A Swin block, which a worker applies window by window: a window's tokens need no others.</summary>
internal sealed class WindowBlock
{
    private readonly NormLayer _norm1;
    private readonly LinearLayer _qkv;
    private readonly LinearLayer _projection;
    private readonly NormLayer _norm2;
    private readonly MlpLayer _mlp;
    private readonly float[]?[] _biases;
    private readonly int _number;

    /// <summary>Takes a block from a model.</summary>
    /// <param name="parts">The model.</param>
    /// <param name="path">The block's path.</param>
    /// <param name="number">Its number among all blocks.</param>
    /// <param name="options">The model's shape.</param>
    /// <param name="layer">The layer that it is in.</param>
    /// <param name="plan">Its windows.</param>
    public WindowBlock(ModelParts parts, string path, int number, SwinTransformerOptions options, int layer, WindowPlan plan)
    {
        (_number, Plan) = (number, plan);
        var (width, heads) = (options.DimOf(layer), options.HeadCounts[layer]);
        var reach = (2 * (int)Math.Sqrt(plan.Area)) - 1;
        _norm1 = new(parts, $"{path}.norm1", width, options.LayerNormEps);
        _qkv = LinearLayer.Create(parts, $"{path}.attn.qkv", width, 3 * width, options.QkvBias);
        _biases = plan.Biases(parts.Floats($"{path}.attn.relative_position_bias_table", reach * reach, heads), heads);
        Attention = new(parts, $"{path}.attn", width, heads, plan.Area);
        _projection = LinearLayer.Create(parts, $"{path}.attn.proj", width, width);
        _norm2 = new(parts, $"{path}.norm2", width, options.LayerNormEps);
        _mlp = new(parts, $"{path}.mlp", width, (int)(width * options.MlpRatio), MlpKind.Gelu, hasBias: true);
    }

    /// <summary>The windows.</summary>
    public WindowPlan Plan { get; }

    /// <summary>The attention within a window.</summary>
    public AttentionLayer Attention { get; }

    /// <summary>Applies the block to the tokens of a window.</summary>
    /// <param name="tokens">[rows x columns, width], the whole map.</param>
    /// <param name="window">The window.</param>
    /// <param name="scratch">The worker's memory.</param>
    public void Apply(Span<float> tokens, int window, Scratch scratch)
    {
        var state = scratch.Windows[_number];
        for (var first = 0; first < Plan.Area; first += scratch.Rows)
        {
            Project(tokens, window, first, Math.Min(scratch.Rows, Plan.Area - first), state, scratch);
        }

        for (var first = 0; first < Plan.Area; first += scratch.Rows)
        {
            Finish(tokens, window, first, Math.Min(scratch.Rows, Plan.Area - first), state, scratch);
        }
    }

    private void Project(Span<float> tokens, int window, int first, int count, AttentionState state, Scratch scratch)
    {
        var width = Attention.Width;
        for (var row = 0; row < count; row++)
        {
            var normalized = scratch.First.Slice(row * scratch.Stride, width);
            if (Plan.Source(window, first + row) is var source and >= 0)
            {
                _norm1.Apply(tokens.Slice(source * width, width), normalized);
            }
            else
            {
                normalized.Clear();
            }
        }

        _qkv.Apply(scratch.First, scratch.Stride, count, scratch.Second, scratch.Stride, scratch);
        Attention.Accept(scratch.Second, scratch.Stride, first, count, state, scratch);
    }

    private void Finish(Span<float> tokens, int window, int first, int count, AttentionState state, Scratch scratch)
    {
        var width = Attention.Width;
        Attention.Attend(state, first, count, _biases[Plan.KindOf(window)], scratch.First, scratch.Stride, scratch);
        _projection.Apply(scratch.First, scratch.Stride, count, scratch.Second, scratch.Stride, scratch);
        var real = 0;
        for (var row = 0; row < count; row++)
        {
            if (Plan.Source(window, first + row) is var source and >= 0)
            {
                var token = tokens.Slice(source * width, width);
                Rows.Add(token, scratch.Second.Slice(row * scratch.Stride, width));
                _norm2.Apply(token, scratch.First.Slice(real * scratch.Stride, width));
                real++;
            }
        }

        if (real == 0)
        {
            return;
        }

        _mlp.Apply(scratch.First, real, scratch);
        for (int row = 0, place = 0; row < count; row++)
        {
            if (Plan.Source(window, first + row) is var source and >= 0)
            {
                Rows.Add(tokens.Slice(source * width, width), scratch.First.Slice(place++ * scratch.Stride, width));
            }
        }
    }
}

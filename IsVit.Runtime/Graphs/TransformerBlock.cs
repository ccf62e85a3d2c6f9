using IsVit.Model.Architectures;
using IsVit.Runtime.Layers;

namespace IsVit.Runtime.Graphs;

/// <summary>A pre-norm transformer block, cut where all tokens must have come: into queries, keys and values, and what follows.</summary>
internal sealed class TransformerBlock
{
    private readonly NormLayer _norm1;
    private readonly LinearLayer _qkv;
    private readonly LinearLayer _projection;
    private readonly ResidualLayer _residual1;
    private readonly NormLayer _norm2;
    private readonly MlpLayer _mlp;
    private readonly ResidualLayer _residual2;

    /// <summary>Takes a block from a model.</summary>
    public TransformerBlock(ModelParts parts, string path, VisionTransformerOptions options, int tokens)
    {
        var width = options.EmbedDim;
        _norm1 = new(parts, $"{path}.norm1", width, options.LayerNormEps);
        _qkv = LinearLayer.Create(parts, $"{path}.attn.qkv", width, 3 * width, options.QkvBias);
        Attention = new(parts, $"{path}.attn", width, options.HeadCount, tokens, options.QkNorm ? options.LayerNormEps : null);
        _projection = LinearLayer.Create(parts, $"{path}.attn.proj", width, width, options.ProjectionBias);
        _residual1 = new(parts, $"{path}.ls1", width, options.LayerScale is not null);
        _norm2 = new(parts, $"{path}.norm2", width, options.LayerNormEps);
        _mlp = new(parts, $"{path}.mlp", width, options.HiddenDim, options.Mlp, options.ProjectionBias);
        _residual2 = new(parts, $"{path}.ls2", width, options.LayerScale is not null);
    }

    /// <summary>The attention.</summary>
    public AttentionLayer Attention { get; }

    /// <summary>Computes queries, keys and values of some tokens.</summary>
    /// <param name="tokens">[tokens, width], all of them.</param>
    /// <param name="first">The first token.</param>
    /// <param name="count">The number of tokens.</param>
    /// <param name="state">Where they are stored.</param>
    /// <param name="scratch">The worker's memory.</param>
    public void Project(ReadOnlySpan<float> tokens, int first, int count, AttentionState state, Scratch scratch)
    {
        var width = Attention.Width;
        _norm1.Apply(tokens[(first * width)..], width, count, scratch.First, scratch.Stride);
        _qkv.Apply(scratch.First, scratch.Stride, count, scratch.Second, scratch.Stride, scratch);
        Attention.Accept(scratch.Second, scratch.Stride, first, count, state, scratch);
    }

    /// <summary>Lets some tokens attend to all, and applies the rest of the block to them.</summary>
    /// <inheritdoc cref="Project"/>
    public void Finish(Span<float> tokens, int first, int count, AttentionState state, Scratch scratch)
    {
        var width = Attention.Width;
        var stream = tokens[(first * width)..];
        Attention.Attend(state, first, count, default, scratch.First, scratch.Stride, scratch);
        _projection.Apply(scratch.First, scratch.Stride, count, scratch.Second, scratch.Stride, scratch);
        _residual1.Add(scratch.Second, scratch.Stride, count, stream, width);
        _norm2.Apply(stream, width, count, scratch.First, scratch.Stride);
        _mlp.Apply(scratch.First, count, scratch);
        _residual2.Add(scratch.First, scratch.Stride, count, stream, width);
    }
}

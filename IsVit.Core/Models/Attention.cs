using IsVit.Core.Graph;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// Multi-head self-attention (Vaswani et al., arXiv 1706.03762) whose two products and softmax are modules; timm's names: <c>qkv</c>, <c>q_norm</c>, <c>k_norm</c>, <c>proj</c>.
/// </summary>
public sealed class Attention : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Linear qkv;
    private readonly LayerNorm? q_norm;
    private readonly LayerNorm? k_norm;
    private readonly MatMul qk;
    private readonly Softmax softmax;
    private readonly MatMul av;
    private readonly Linear proj;
    private readonly Dropout? proj_drop;
    private readonly int _headCount;
    private readonly double _scale;

    /// <summary>Creates the module.</summary>
    /// <param name="dim">The width of a token, a multiple of <paramref name="headCount"/>.</param>
    /// <param name="headCount">The number of heads.</param>
    /// <param name="qkvBias">Whether the query, key and value projections have a bias.</param>
    /// <param name="dropoutRate">The dropout after the projection while training; 0 for none.</param>
    /// <param name="projectionBias">Whether the output projection has a bias.</param>
    /// <param name="qkNormEps">The epsilon added to the variance in the normalizations of queries and keys; null for no normalizations.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="dim"/> is not a multiple of <paramref name="headCount"/>.</exception>
    public Attention(int dim, int headCount, bool qkvBias = true, double dropoutRate = 0, bool projectionBias = true, double? qkNormEps = null)
        : base(nameof(Attention))
    {
        if (headCount < 1 || dim % headCount != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(dim), dim, FormattableString.Invariant($"The width of a token is a multiple of the number of heads ({headCount})."));
        }

        _headCount = headCount;
        _scale = 1 / Math.Sqrt(dim / headCount);
        qkv = torch.nn.Linear(dim, 3 * dim, qkvBias);
        if (qkNormEps is { } eps)
        {
            q_norm = torch.nn.LayerNorm(dim / headCount, eps);
            k_norm = torch.nn.LayerNorm(dim / headCount, eps);
        }

        qk = new MatMul();
        softmax = torch.nn.Softmax(-1);
        av = new MatMul();
        proj = torch.nn.Linear(dim, dim, projectionBias);
        proj_drop = dropoutRate > 0 ? torch.nn.Dropout(dropoutRate) : null;
        RegisterComponents();
    }

    /// <summary>
    /// TorchSharp's <c>MultiheadAttention</c> as a module whose products hooks can reach, as self-attention: for x of [batch, tokens, width] it returns the output of
    /// <c>attention.call(y, y, y, null, false, null)</c> for y of [tokens, batch, width], with the first two axes swapped.
    /// </summary>
    /// <param name="attention">The module; its weights are copied. It has no mask, no <c>add_bias_kv</c>, no <c>add_zero_attn</c>, and keys and values as wide as queries.</param>
    /// <param name="headCount">The number of its heads, which the module itself does not expose.</param>
    /// <exception cref="ArgumentException">The module is of another kind, or its output differs from that of its copy with this number of heads.</exception>
    public static Attention From(MultiheadAttention attention, int headCount)
    {
        ArgumentNullException.ThrowIfNull(attention);
        var weights = new NativeParameters(nameof(attention), attention);
        var width = (int)weights.Get("out_proj.weight").shape[0];
        var copy = new Attention(width, headCount, weights.Has("in_proj_bias"), projectionBias: weights.Has("out_proj.bias"));
        copy.CopyFrom(weights, "");
        weights.RequireAllUsed();
        weights.RequireSame(copy, width, x =>
        {
            using var y = x.transpose(0, 1);
            var (output, scores) = attention.call(y, y, y, null, false, null);
            scores?.Dispose();
            return output.transpose(0, 1);
        }, FormattableString.Invariant($"{nameof(headCount)} ({headCount})"));
        return copy;
    }

    /// <summary>The number of heads.</summary>
    internal int HeadCount => _headCount;

    /// <summary>The query, key and value projections as one layer.</summary>
    public Linear Qkv => qkv;

    /// <summary>The normalization of each head's queries, if there is one.</summary>
    public LayerNorm? QueryNorm => q_norm;

    /// <summary>The normalization of each head's keys, if there is one.</summary>
    public LayerNorm? KeyNorm => k_norm;

    /// <summary>Scaled queries [batch, heads, tokens, head width] times transposed keys [batch, heads, head width, tokens].</summary>
    public MatMul Qk => qk;

    /// <summary>The softmax over the keys.</summary>
    public Softmax Softmax => softmax;

    /// <summary>Attention [batch, heads, tokens, tokens] times values [batch, heads, tokens, head width].</summary>
    public MatMul Av => av;

    /// <summary>The output projection.</summary>
    public Linear Proj => proj;

    /// <summary>Declares the locations of the heads, for a graph that contains this module; queries and keys are left out if they are normalized.</summary>
    /// <param name="path">The module's path, or a pattern that matches it and others of the same structure.</param>
    public AttentionDeclaration Declare(string path)
    {
        var all = FusedHeads.Declare(qkv, _headCount, path);
        return q_norm is null ? all : all with { Query = null, Key = null };
    }

    internal void CopyFrom(NativeParameters weights, string prefix)
    {
        weights.Copy($"{prefix}in_proj_", qkv);
        weights.Copy($"{prefix}out_proj.", proj);
    }

    /// <summary>Attends over all tokens.</summary>
    /// <param name="input">[batch, tokens, width].</param>
    /// <returns>[batch, tokens, width].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var (query, key, value) = FusedHeads.Split(qkv.call(input), _headCount, _scale, q_norm, k_norm);
        var attention = softmax.call(qk.call(query, key)); // [batch, heads, tokens, tokens]
        var mixed = FusedHeads.Join(av.call(attention, value));
        var output = proj.call(mixed);
        if (proj_drop is not null && training)
        {
            output = proj_drop.call(output);
        }

        return scope.MoveToOuter(output);
    }
}

using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// softmax(q k^T / sqrt(width)) v (Vaswani et al., arXiv 1706.03762, eq. 1) with products and softmax as modules: call it in a forward instead of
/// <c>torch.nn.functional.scaled_dot_product_attention</c>, or of the same computation written with functions, so that all four operands can be quantized.
/// </summary>
public sealed class DotProductAttention : torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor>
{
    private readonly MatMul qk = new();
    private readonly Softmax softmax = torch.nn.Softmax(-1);
    private readonly MatMul av = new();
    private readonly double? _scale;

    /// <summary>Creates the module. It has no parameters.</summary>
    /// <param name="scale">The factor of the queries; null for one over the square root of their width.</param>
    public DotProductAttention(double? scale = null)
        : base(nameof(DotProductAttention))
    {
        _scale = scale;
        RegisterComponents();
    }

    /// <summary>Scaled queries times transposed keys.</summary>
    public MatMul Qk => qk;

    /// <summary>The softmax over the keys.</summary>
    public Softmax Softmax => softmax;

    /// <summary>Attention times values.</summary>
    public MatMul Av => av;

    /// <summary>Computes attention.</summary>
    /// <param name="input1">Queries, [..., tokens, width].</param>
    /// <param name="input2">Keys, [..., keys, width].</param>
    /// <param name="input3">Values, [..., keys, value width].</param>
    /// <returns>[..., tokens, value width].</returns>
    public override torch.Tensor forward(torch.Tensor input1, torch.Tensor input2, torch.Tensor input3)
    {
        ArgumentNullException.ThrowIfNull(input1);
        ArgumentNullException.ThrowIfNull(input2);
        using var scope = torch.NewDisposeScope();
        var scores = qk.call(input1.Times(_scale ?? 1 / Math.Sqrt(input1.shape[^1])), input2.transpose(-2, -1)); // [..., tokens, keys]
        return scope.MoveToOuter(av.call(softmax.call(scores), input3));
    }
}

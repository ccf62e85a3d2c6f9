using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>A product of two activations as a module, so that hooks can reach both operands.</summary>
public sealed class MatMul : torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor>, IMatrixProduct
{
    /// <summary>Creates the module.</summary>
    public MatMul()
        : base(nameof(MatMul))
    {
    }

    /// <summary>The matrix product of the last two axes.</summary>
    /// <param name="input1">The left operand, [..., n, k].</param>
    /// <param name="input2">The right operand, [..., k, m].</param>
    /// <returns>[..., n, m].</returns>
    public override torch.Tensor forward(torch.Tensor input1, torch.Tensor input2) => BatchedProduct.Of(input1, input2);
}

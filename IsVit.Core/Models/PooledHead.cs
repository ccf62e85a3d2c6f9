using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>The mean of all tokens, followed by a linear layer if there are classes; timm's name: <c>fc</c>.</summary>
public sealed class PooledHead : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Linear? fc;

    /// <summary>Creates the module.</summary>
    /// <param name="dim">The width of a token.</param>
    /// <param name="classCount">The number of classes; 0 for the mean alone.</param>
    public PooledHead(int dim, int classCount)
        : base(nameof(PooledHead))
    {
        fc = classCount > 0 ? torch.nn.Linear(dim, classCount) : null;
        RegisterComponents();
    }

    /// <summary>The classifier, if there is one.</summary>
    public Linear? Fc => fc;

    /// <summary>Converts tokens to logits.</summary>
    /// <param name="input">[batch, rows, columns, width].</param>
    /// <returns>[batch, classes], or [batch, width] without classes.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var pooled = input.mean([1L, 2L]);
        return scope.MoveToOuter(fc is null ? pooled : fc.call(pooled));
    }
}

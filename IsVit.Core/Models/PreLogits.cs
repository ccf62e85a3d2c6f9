using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>A linear layer with tanh between a transformer and its head, with which the first ViTs were trained; timm's names: <c>fc</c>, <c>act</c>.</summary>
public sealed class PreLogits : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Linear fc;
    private readonly Tanh act;

    /// <summary>Creates the module.</summary>
    /// <param name="dim">The width of a token.</param>
    /// <param name="width">The input width of the head.</param>
    public PreLogits(int dim, int width)
        : base(nameof(PreLogits))
    {
        fc = torch.nn.Linear(dim, width);
        act = torch.nn.Tanh();
        RegisterComponents();
    }

    /// <summary>The layer.</summary>
    public Linear Fc => fc;

    /// <summary>Applies layer and tanh.</summary>
    /// <param name="input">[batch, token width].</param>
    /// <returns>[batch, width].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(act.call(fc.call(input)));
    }
}

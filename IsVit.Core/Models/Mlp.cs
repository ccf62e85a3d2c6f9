using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>A block's two-layer perceptron with exact (erf) GELU; timm's names: <c>fc1</c>, <c>act</c>, <c>fc2</c>.</summary>
public sealed class Mlp : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Linear fc1;
    private readonly GELU act;
    private readonly Linear fc2;
    private readonly Dropout? drop;

    /// <summary>Creates the module.</summary>
    /// <param name="dim">The width of a token.</param>
    /// <param name="hiddenDim">The width of the hidden layer.</param>
    /// <param name="dropoutRate">The dropout after each layer while training; 0 for none.</param>
    public Mlp(int dim, int hiddenDim, double dropoutRate = 0)
        : base(nameof(Mlp))
    {
        fc1 = torch.nn.Linear(dim, hiddenDim);
        act = torch.nn.GELU();
        fc2 = torch.nn.Linear(hiddenDim, dim);
        drop = dropoutRate > 0 ? torch.nn.Dropout(dropoutRate) : null;
        RegisterComponents();
    }

    /// <summary>The first layer, token to hidden.</summary>
    public Linear Fc1 => fc1;

    /// <summary>The activation between the layers.</summary>
    public GELU Act => act;

    /// <summary>The second layer, hidden to token.</summary>
    public Linear Fc2 => fc2;

    /// <summary>Applies both layers.</summary>
    /// <param name="input">[batch, tokens, width].</param>
    /// <returns>[batch, tokens, width].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var hidden = act.call(fc1.call(input)); // [batch, tokens, hidden]
        var output = Drop(fc2.call(Drop(hidden)));
        return scope.MoveToOuter(output);
    }

    private torch.Tensor Drop(torch.Tensor x) => drop is not null && training ? drop.call(x) : x;
}

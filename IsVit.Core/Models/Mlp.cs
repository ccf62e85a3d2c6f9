using IsVit.Model.Architectures;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>A block's two-layer perceptron; timm's names: <c>fc1</c>, <c>act</c>, <c>fc2</c>.</summary>
public sealed class Mlp : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Linear fc1;
    private readonly torch.nn.Module<torch.Tensor, torch.Tensor> act;
    private readonly Linear fc2;
    private readonly Dropout? drop;
    private readonly MlpKind _kind;

    /// <summary>Creates the module.</summary>
    /// <param name="dim">The width of a token.</param>
    /// <param name="hiddenDim">The output width of the first layer; even for SwiGLU.</param>
    /// <param name="dropoutRate">The dropout after each layer while training; 0 for none.</param>
    /// <param name="kind">The activation between the layers.</param>
    /// <param name="hasBias">Whether the layers have a bias.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="hiddenDim"/> is odd with SwiGLU.</exception>
    public Mlp(int dim, int hiddenDim, double dropoutRate = 0, MlpKind kind = MlpKind.Gelu, bool hasBias = true)
        : base(nameof(Mlp))
    {
        if (kind == MlpKind.SwiGlu && hiddenDim % 2 != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(hiddenDim), hiddenDim, "SwiGLU halves the hidden width; it is even.");
        }

        _kind = kind;
        fc1 = torch.nn.Linear(dim, hiddenDim, hasBias);
        act = kind == MlpKind.Gelu ? torch.nn.GELU() : torch.nn.SiLU();
        fc2 = torch.nn.Linear(kind == MlpKind.Gelu ? hiddenDim : hiddenDim / 2, dim, hasBias);
        drop = dropoutRate > 0 ? torch.nn.Dropout(dropoutRate) : null;
        RegisterComponents();
    }

    /// <summary>The first layer, from token width to hidden width.</summary>
    public Linear Fc1 => fc1;

    /// <summary>The activation between the layers: GELU, or the SiLU of a SwiGLU.</summary>
    public torch.nn.Module<torch.Tensor, torch.Tensor> Act => act;

    /// <summary>The second layer, from hidden width to token width.</summary>
    public Linear Fc2 => fc2;

    /// <summary>Applies both layers.</summary>
    /// <param name="input">[batch, tokens, width].</param>
    /// <returns>[batch, tokens, width].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var hidden = Activate(fc1.call(input)); // [batch, tokens, inputs of fc2]
        var output = Drop(fc2.call(Drop(hidden)));
        return scope.MoveToOuter(output);
    }

    private torch.Tensor Activate(torch.Tensor x)
    {
        if (_kind == MlpKind.Gelu)
        {
            return act.call(x);
        }

        var halves = x.chunk(2, -1);
        return act.call(halves[0]) * halves[1];
    }

    private torch.Tensor Drop(torch.Tensor x) => drop is not null && training ? drop.call(x) : x;
}

using IsVit.Core.Arithmetic;
using IsVit.Model.Architectures;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>A pre-norm transformer block: attention and MLP, each added to its input; timm's names: <c>norm1</c>, <c>attn</c>, <c>ls1</c>, <c>norm2</c>, <c>mlp</c>, <c>ls2</c>.</summary>
public sealed class Block : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly LayerNorm norm1;
    private readonly Attention attn;
    private readonly LayerScale? ls1;
    private readonly DropPath? drop_path1;
    private readonly LayerNorm norm2;
    private readonly Mlp mlp;
    private readonly LayerScale? ls2;
    private readonly DropPath? drop_path2;

    /// <summary>Creates a block.</summary>
    /// <param name="options">The transformer's options.</param>
    /// <param name="dropPathRate">This block's drop path rate.</param>
    public Block(VisionTransformerOptions options, double dropPathRate = 0)
        : base(nameof(Block))
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var dim = options.EmbedDim;
        norm1 = torch.nn.LayerNorm(dim, options.LayerNormEps);
        attn = new Attention(dim, options.HeadCount, options.QkvBias, options.DropoutRate, options.ProjectionBias, options.QkNorm ? options.LayerNormEps : null);
        norm2 = torch.nn.LayerNorm(dim, options.LayerNormEps);
        mlp = new Mlp(dim, options.HiddenDim, options.DropoutRate, options.Mlp, options.ProjectionBias);
        if (options.LayerScale is { } scale)
        {
            ls1 = new LayerScale(dim, scale);
            ls2 = new LayerScale(dim, scale);
        }

        if (dropPathRate > 0)
        {
            drop_path1 = new DropPath(dropPathRate);
            drop_path2 = new DropPath(dropPathRate);
        }

        RegisterComponents();
    }

    /// <summary>The normalization before attention.</summary>
    public LayerNorm Norm1 => norm1;

    /// <summary>The attention.</summary>
    public Attention Attn => attn;

    /// <summary>The normalization before the MLP.</summary>
    public LayerNorm Norm2 => norm2;

    /// <summary>The MLP.</summary>
    public Mlp Mlp => mlp;

    /// <summary>The scale of the attention branch, if the options ask for one.</summary>
    public LayerScale? Ls1 => ls1;

    /// <summary>The scale of the MLP branch, if the options ask for one.</summary>
    public LayerScale? Ls2 => ls2;

    /// <summary>Applies the block.</summary>
    /// <param name="input">[batch, tokens, width].</param>
    /// <returns>[batch, tokens, width].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var x = input.Plus(Branch(attn.call(norm1.call(input)), ls1, drop_path1));
        x = x.Plus(Branch(mlp.call(norm2.call(x)), ls2, drop_path2));
        return scope.MoveToOuter(x);
    }

    private torch.Tensor Branch(torch.Tensor x, LayerScale? scale, DropPath? drop)
    {
        if (scale is not null)
        {
            x = scale.call(x);
        }

        return drop is not null && training ? drop.call(x) : x;
    }
}

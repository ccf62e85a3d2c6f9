using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// A block of a Swin transformer (Liu et al., arXiv 2103.14030, eq. 3): attention inside windows, shifted or not, and MLP, each added to its input; timm's names: <c>norm1</c>, <c>attn</c>,
/// <c>norm2</c>, <c>mlp</c>.
/// </summary>
public sealed class SwinBlock : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly LayerNorm norm1;
    private readonly WindowAttention attn;
    private readonly DropPath? drop_path1;
    private readonly LayerNorm norm2;
    private readonly Mlp mlp;
    private readonly DropPath? drop_path2;

    internal SwinBlock(SwinBlockShape shape, WindowLayout layout)
        : base(nameof(SwinBlock))
    {
        norm1 = torch.nn.LayerNorm(shape.Dim, shape.LayerNormEps);
        attn = new WindowAttention(shape.Dim, shape.HeadCount, layout, shape.QkvBias, shape.DropoutRate);
        norm2 = torch.nn.LayerNorm(shape.Dim, shape.LayerNormEps);
        mlp = new Mlp(shape.Dim, (int)(shape.Dim * shape.MlpRatio), shape.DropoutRate);
        if (shape.DropPathRate > 0)
        {
            drop_path1 = new DropPath(shape.DropPathRate);
            drop_path2 = new DropPath(shape.DropPathRate);
        }

        RegisterComponents();
    }

    /// <summary>The normalization before attention.</summary>
    public LayerNorm Norm1 => norm1;

    /// <summary>The attention.</summary>
    public WindowAttention Attn => attn;

    /// <summary>The normalization before the MLP.</summary>
    public LayerNorm Norm2 => norm2;

    /// <summary>The MLP.</summary>
    public Mlp Mlp => mlp;

    /// <summary>Height and width of a window in tokens.</summary>
    public int WindowSize => attn.Layout.Window;

    /// <summary>The number of tokens by which the windows are shifted down and to the right; 0 for none.</summary>
    public int Shift => attn.Layout.Shift;

    /// <summary>Applies the block.</summary>
    /// <param name="input">[batch, rows, columns, width].</param>
    /// <returns>Shape of <paramref name="input"/>.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var x = input.Plus(Drop(attn.call(norm1.call(input)), drop_path1));
        x = x.Plus(Drop(mlp.call(norm2.call(x)), drop_path2));
        return scope.MoveToOuter(x);
    }

    private torch.Tensor Drop(torch.Tensor x, DropPath? drop) => drop is not null && training ? drop.call(x) : x;
}

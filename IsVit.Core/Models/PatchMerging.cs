using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// Halves the image's sides: concatenates the four tokens of each square, normalizes and projects them (Liu et al., arXiv 2103.14030, section 3.1); timm's names: <c>norm</c>,
/// <c>reduction</c>. An odd side is padded with zeros.
/// </summary>
public sealed class PatchMerging : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly LayerNorm norm;
    private readonly Linear reduction;

    /// <summary>Creates the module.</summary>
    /// <param name="dim">The width of an input token.</param>
    /// <param name="outDim">The width of an output token.</param>
    /// <param name="layerNormEps">The epsilon added to the variance in the normalization.</param>
    public PatchMerging(int dim, int outDim, double layerNormEps = 1e-5)
        : base(nameof(PatchMerging))
    {
        norm = torch.nn.LayerNorm(4 * dim, layerNormEps);
        reduction = torch.nn.Linear(4 * dim, outDim, hasBias: false);
        RegisterComponents();
    }

    /// <summary>The normalization of four concatenated tokens.</summary>
    public LayerNorm Norm => norm;

    /// <summary>The projection, without bias until scale reparameterization adds one.</summary>
    public Linear Reduction => reduction;

    /// <summary>Merges squares of four tokens.</summary>
    /// <param name="input">[batch, rows, columns, width].</param>
    /// <returns>[batch, half the rows, half the columns, output width], halves rounded up.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var (oddRows, oddColumns) = (input.shape[1] % 2, input.shape[2] % 2);
        var x = oddRows + oddColumns > 0 ? torch.nn.functional.pad(input, [0, 0, 0, oddColumns, 0, oddRows]) : input;
        var (batch, rows, columns, width) = (x.shape[0], x.shape[1] / 2, x.shape[2] / 2, x.shape[3]);
        var squares = x.reshape(batch, rows, 2, columns, 2, width)
            .permute(0, 1, 3, 4, 2, 5) // [batch, rows, columns, column of a square, row of a square, width]
            .flatten(3);
        return scope.MoveToOuter(reduction.call(norm.call(squares)));
    }
}

using IsVit.Core.Arithmetic;
using IsVit.Model.Imaging;
using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>Position embeddings for another number of patches.</summary>
internal static class PositionEmbedding
{
    /// <summary>Patches along a side of the square image that a position embedding is of.</summary>
    /// <param name="count">All positions.</param>
    /// <param name="prefixCount">Those before the patches.</param>
    /// <returns>Null where they make no square.</returns>
    public static int? SideOf(long count, int prefixCount)
    {
        var side = (int)Math.Round(Math.Sqrt(Math.Max(count - prefixCount, 0)));
        return side > 0 && ((long)side * side) + prefixCount == count ? side : null;
    }

    /// <summary>
    /// Resizes the positions of patches by bicubic interpolation (a = -0.5), antialiased where there become fewer, and keeps those before them: timm's <c>resample_abs_pos_embed</c>.
    /// </summary>
    /// <param name="positions">[1, positions, width]; those of the patches are of a square image, row by row.</param>
    /// <param name="prefixCount">The positions before the patches'.</param>
    /// <param name="rows">Rows of patches wanted.</param>
    /// <param name="columns">Patches in a row.</param>
    /// <returns>[1, prefix and rows x columns, width], in the type of <paramref name="positions"/>.</returns>
    /// <exception cref="ArgumentException">The positions of the patches make no square.</exception>
    public static torch.Tensor Resize(torch.Tensor positions, int prefixCount, int rows, int columns)
    {
        var side = SideOf(positions.shape[1], prefixCount)
            ?? throw new ArgumentException(FormattableString.Invariant($"The position embedding has {positions.shape[1]} positions; expected a square number and {prefixCount} before them."), nameof(positions));
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var width = positions.shape[2];
        var patches = positions.narrow(1, prefixCount, (long)side * side).to(torch.float64).reshape(side, side, width);
        var down = torch.tensor(ResampleWeights.Matrix(side, rows, ResampleFilter.Bicubic));
        var across = torch.tensor(ResampleWeights.Matrix(side, columns, ResampleFilter.Bicubic));
        var high = BatchedProduct.Of(down, patches.reshape(side, side * width)).reshape(rows, side, width); // [rows, side, width]
        var resized = BatchedProduct.Of(across, high.permute(1, 0, 2).reshape(side, rows * width)) // [columns, rows x width]
            .reshape(columns, rows, width).permute(1, 0, 2).reshape(1, (long)rows * columns, width).to(positions.dtype);
        return scope.MoveToOuter(prefixCount == 0 ? resized : torch.cat([positions.narrow(1, 0, prefixCount), resized], 1));
    }
}

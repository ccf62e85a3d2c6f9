using System.Runtime.InteropServices;
using IsVit.Runtime.Functions;
using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>Results that become codes at once: a tile is activated and encoded as the left operand of the next layer while it is in the first-level cache, and only its codes go further.</summary>
/// <param name="layer">The next layer, which must take parts.</param>
/// <param name="operand">Its left operand.</param>
/// <param name="column">Where the product's first column is in its rows.</param>
/// <param name="columns">The number of the product's columns.</param>
/// <param name="isActivated">Whether GELU is applied first.</param>
internal readonly unsafe struct NextOperand(LinearLayer layer, OperandRows operand, int column, int columns, bool isActivated) : ITileResults
{
    /// <inheritdoc/>
    public float* Place(float* tile, int row, int column, int width, out nint distance)
    {
        distance = width;
        return tile;
    }

    /// <inheritdoc/>
    public void Accept(float* tile, int row, int first, int width)
    {
        var numbers = MemoryMarshal.CreateSpan(ref *tile, Tiles.Rows * width);
        if (isActivated)
        {
            Gelu.Apply(numbers);
        }

        layer.TakeParts(numbers, width, row, column + first, Math.Min(width, columns - first), operand);
    }
}

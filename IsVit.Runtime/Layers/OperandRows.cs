using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>Memory for a block of rows of a product's left operand: codes, 16-bit numbers or floats, whichever the product reads, row after row.</summary>
internal sealed class OperandRows
{
    /// <summary>Creates it.</summary>
    /// <param name="rows">The number of rows, whole tiles.</param>
    /// <param name="length">The length of the longest row.</param>
    public OperandRows(int rows, int length)
    {
        Codes = new(rows * length);
        Shorts = new(rows * length);
        Numbers = new(rows * length);
        Sums = new int[rows];
    }

    /// <summary>Codes.</summary>
    public AlignedBuffer<byte> Codes { get; }

    /// <summary>Codes as 16-bit numbers, or levels of a grid.</summary>
    public AlignedBuffer<short> Shorts { get; }

    /// <summary>Floats.</summary>
    public AlignedBuffer<float> Numbers { get; }

    /// <summary>The sum of each row's integers less depth times the zero point.</summary>
    public int[] Sums { get; }

    /// <summary>Multiplies rows of integers.</summary>
    /// <param name="right">The right operand.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="output">Receives rows of [panels x 16] numbers; memory of whole tiles of rows.</param>
    /// <param name="stride">The distance between rows of the output.</param>
    public void Multiply(IntegerPanels right, int rows, Span<float> output, int stride)
    {
        if (right.Form == IntegerForm.Shorts)
        {
            IntegerProduct.Multiply(Shorts, 0, right.FilledDepth, Sums, rows, right, output, stride);
        }
        else
        {
            IntegerProduct.Multiply(Codes, 0, right.FilledDepth, Sums, rows, right, output, stride);
        }
    }

    /// <summary>Multiplies rows of integers.</summary>
    /// <param name="right">The right operand.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="results">What becomes of the results.</param>
    public void Multiply<TResults>(IntegerPanels right, int rows, TResults results)
        where TResults : struct, ITileResults
    {
        if (right.Form == IntegerForm.Shorts)
        {
            IntegerProduct.Multiply(Shorts, 0, right.FilledDepth, Sums, rows, right, results);
        }
        else
        {
            IntegerProduct.Multiply(Codes, 0, right.FilledDepth, Sums, rows, right, results);
        }
    }
}

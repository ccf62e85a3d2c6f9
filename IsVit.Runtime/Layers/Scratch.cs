using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>Memory of one worker for a block of rows: left operands of products and what lies between layers.</summary>
internal sealed class Scratch
{
    private readonly AlignedBuffer<float> _first;
    private readonly AlignedBuffer<float> _second;

    /// <summary>Creates it.</summary>
    /// <param name="rows">The rows of a block.</param>
    /// <param name="depth">The longest sum of a product.</param>
    /// <param name="width">The widest output of a layer.</param>
    public Scratch(int rows, int depth, int width)
    {
        Rows = IntegerProduct.RowsOfTiles(rows);
        Stride = (Panel.Count(Math.Max(depth, width)) * Panel.Width) + Panel.Width;
        Codes = new(Rows * Stride);
        Shorts = new(Rows * Stride);
        Numbers = new(Rows * Stride);
        Sums = new int[Rows];
        _first = new(Rows * Stride);
        _second = new(Rows * Stride);
    }

    /// <summary>The rows of a block, whole tiles.</summary>
    public int Rows { get; }

    /// <summary>The distance between the rows of <see cref="First"/> and <see cref="Second"/>: any layer's output and a panel more, whole cache lines.</summary>
    public int Stride { get; }

    /// <summary>Codes of a left operand.</summary>
    public AlignedBuffer<byte> Codes { get; }

    /// <summary>Codes of a left operand as 16-bit numbers, or levels of a grid.</summary>
    public AlignedBuffer<short> Shorts { get; }

    /// <summary>A left operand in float.</summary>
    public AlignedBuffer<float> Numbers { get; }

    /// <summary>The sum of each row of a left operand less depth times the zero point.</summary>
    public int[] Sums { get; }

    /// <summary>Queries, keys and values of a window for each block, of models whose workers do whole windows.</summary>
    public IReadOnlyList<AttentionState> Windows { get; init; } = [];

    /// <summary>An output of a layer.</summary>
    public Span<float> First => _first.Span;

    /// <summary>Another.</summary>
    public Span<float> Second => _second.Span;
}

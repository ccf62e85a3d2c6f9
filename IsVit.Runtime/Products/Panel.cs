namespace IsVit.Runtime.Products;

/// <summary>
/// Right operands are stored by panels of 16 columns: [columns / 16][depth / step][16][step], with zeros where columns or depth end before the panel does. A step holds what one instruction adds up:
/// 4 bytes against bytes, 2 against 16-bit numbers, 1 float.
/// </summary>
internal static class Panel
{
    /// <summary>The number of columns of a panel.</summary>
    public const int Width = 16;

    /// <summary>How many panels a number of columns takes.</summary>
    public static int Count(int columns) => (columns + Width - 1) / Width;

    /// <summary>A depth with the zeros that fill the last step.</summary>
    public static int Filled(int depth, int step) => (depth + step - 1) / step * step;
}

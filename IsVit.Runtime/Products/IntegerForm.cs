namespace IsVit.Runtime.Products;

/// <summary>How the integers of a product are multiplied.</summary>
internal enum IntegerForm
{
    /// <summary>Bytes with 16-bit sums that are widened after <see cref="IntegerPanels.Run"/> steps.</summary>
    Bytes,

    /// <summary>Bytes with 32-bit sums.</summary>
    Dots,

    /// <summary>16-bit numbers times bytes.</summary>
    Shorts,
}

namespace IsVit.Runtime.Products;

/// <summary>What becomes of a product's results, which come tile by tile: <see cref="Tiles.Rows"/> rows of one panel's columns or some panels'. A tile's last rows and columns may be beyond the product's, and are of no use then.</summary>
internal unsafe interface ITileResults
{
    /// <summary>Where a tile is written.</summary>
    /// <param name="tile">Memory for a tile, which may be taken.</param>
    /// <param name="row">The tile's first row.</param>
    /// <param name="column">The tile's first column.</param>
    /// <param name="width">The number of the tile's columns.</param>
    /// <param name="distance">The distance between its rows.</param>
    float* Place(float* tile, int row, int column, int width, out nint distance);

    /// <summary>Accepts a tile that has been written.</summary>
    /// <param name="tile">The memory that was offered.</param>
    /// <param name="row">The tile's first row.</param>
    /// <param name="column">The tile's first column.</param>
    /// <param name="width">The number of the tile's columns.</param>
    void Accept(float* tile, int row, int column, int width);
}

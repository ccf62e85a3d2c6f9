namespace IsVit.Core.Models;

/// <summary>The layout of a patch embedding's tokens.</summary>
public enum PatchLayout
{
    /// <summary>One after the other, row by row: [batch, patches, width].</summary>
    Sequence,

    /// <summary>In the rows and columns of the image: [batch, rows, columns, width].</summary>
    Grid,
}

namespace IsVit.Core.Coverage;

/// <summary>A matrix product, and the call of a module that it was part of.</summary>
/// <param name="Product">The product.</param>
/// <param name="Call">The number of the call in its forward; products of one call have the same.</param>
internal readonly record struct RecordedProduct(MatrixProduct Product, int Call);

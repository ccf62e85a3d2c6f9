namespace IsVit.Core.Graph;

/// <summary>
/// Marks a two-argument module as a matrix product, so that both of its operands become sites. A module that cannot implement this interface is
/// declared through <see cref="TraceOptions.MatrixProducts"/>.
/// </summary>
public interface IMatrixProduct;

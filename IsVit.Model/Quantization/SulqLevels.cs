namespace IsVit.Model.Quantization;

/// <summary>What the codes of a shift-uniform-log2 quantizer decode to.</summary>
public enum SulqLevels
{
    /// <summary>2^-u - eta with u not rounded: 2^b distinct levels, decoded through a table of 2^b entries. More accurate.</summary>
    Free,

    /// <summary>2^-round(u) - eta, as in the paper's eq. 14: decoding is a bit shift, but there are no more levels than powers of two in the range.</summary>
    PowerOfTwo,

    /// <summary>
    /// Like <see cref="Free"/>, but with the levels, and the shift, chosen to minimize the error of the matrix product that the quantized tensor is an operand of. If no product
    /// is known, the same as <see cref="Free"/>.
    /// </summary>
    Fitted,
}

namespace IsVit.Model.Quantization;

/// <summary>What the codes of a shift-uniform-log2 quantizer decode to.</summary>
public enum SulqLevels
{
    /// <summary>2^-u - eta with u not rounded: 2^b distinct levels, decoded through a table of 2^b entries. More accurate.</summary>
    Free,

    /// <summary>2^-round(u) - eta, as the paper's eq. 14 has it: decoding is a bit shift, but there are no more levels than the range has powers of two.</summary>
    PowerOfTwo,

    /// <summary>
    /// As <see cref="Free"/>, moved to where the product that the numbers are an operand of loses least, which also chooses the shift. Where no
    /// product is known they are those of <see cref="Free"/>.
    /// </summary>
    Fitted,
}

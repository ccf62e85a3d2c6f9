namespace IsVit.Runtime.Products;

/// <summary>What the left operand of an integer product holds.</summary>
/// <param name="Maximum">The largest absolute value.</param>
/// <param name="ZeroPoint">What is subtracted from each element.</param>
/// <param name="AreLevels">Whether the elements are levels of a 16-bit grid, positive and negative; otherwise codes from 0.</param>
internal readonly record struct LeftIntegers(int Maximum, int ZeroPoint, bool AreLevels);

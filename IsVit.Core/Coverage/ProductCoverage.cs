using System.Globalization;
using IsVit.Core.Graph;

namespace IsVit.Core.Coverage;

/// <summary>A matrix product and the quantizers of its operands.</summary>
/// <param name="Product">The product.</param>
/// <param name="Left">The left operand's site and quantizer; null if it is float.</param>
/// <param name="Right">The right operand's site and quantizer; null if it is float.</param>
/// <param name="ReadsModelInput">Whether the left operand is the model's input: images have 8 bits per channel, and count as quantized.</param>
public sealed record ProductCoverage(MatrixProduct Product, SiteBinding? Left, SiteBinding? Right, bool ReadsModelInput)
{
    /// <summary>Whether both operands are quantized.</summary>
    public bool IsQuantized => (Left is not null || ReadsModelInput) && Right is not null;

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Product}, {Product.MultiplyAccumulates} multiply-accumulates: {Describe(Left, ReadsModelInput)} x {Describe(Right, false)}");

    private static string Describe(SiteBinding? binding, bool isModelInput) => binding?.Quantizer is { } quantizer
        ? string.Create(CultureInfo.InvariantCulture, $"{quantizer.Scheme} {quantizer.Bits.Bits} bits {quantizer.Granularity}")
        : isModelInput ? "model input" : "float";
}

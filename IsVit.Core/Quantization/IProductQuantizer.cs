using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>A quantizer of a matrix product's left operand that can be calibrated to minimize the error of the product instead of the error of the operand's elements.</summary>
public interface IProductQuantizer : IQuantizer
{
    /// <summary>Whether <see cref="Calibrate(torch.Tensor, torch.Tensor, torch.Tensor?)"/> chooses different parameters from <see cref="IQuantizer.Calibrate"/>.</summary>
    bool FitsProducts { get; }

    /// <summary>
    /// Chooses the parameters with the smallest error of the product: the weighted squared difference between the product with the quantized operand and the product with the unquantized one.
    /// Calling it again discards the earlier choice.
    /// </summary>
    /// <param name="left">The operand to be quantized, [..., rows, inner].</param>
    /// <param name="right">The other operand, [..., inner, columns], with the same leading axes as <paramref name="left"/>; not quantized.</param>
    /// <param name="importance">The weight of the squared error of each row of the product: at least 0, of a shape that broadcasts to [..., rows]; null for equal weights.</param>
    /// <exception cref="QuantizationException">One of them is empty or contains a NaN or an infinity, an importance is negative, or the shapes do not fit.</exception>
    void Calibrate(torch.Tensor left, torch.Tensor right, torch.Tensor? importance);
}

using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>A quantizer of a product's left operand that can be calibrated for what the product loses, rather than for what the numbers themselves lose.</summary>
public interface IProductQuantizer : IQuantizer
{
    /// <summary>Whether <see cref="Calibrate(torch.Tensor, torch.Tensor, torch.Tensor?)"/> finds other parameters than <see cref="IQuantizer.Calibrate"/> does.</summary>
    bool FitsProducts { get; }

    /// <summary>Chooses the parameters with which the product loses least: the weighted squared difference of the product with quantized numbers from that with the numbers themselves. Calling it again forgets the earlier choice.</summary>
    /// <param name="left">The numbers, [..., rows, inner].</param>
    /// <param name="right">What they are multiplied with, [..., inner, columns], its leading axes those of <paramref name="left"/>; not quantized.</param>
    /// <param name="importance">How much the squared error of each row of the product counts: at least 0, of a shape that broadcasts to [..., rows]; null if all count alike.</param>
    /// <exception cref="QuantizationException">One of them is empty or holds a NaN or an infinity, an importance is negative, or the shapes do not fit.</exception>
    void Calibrate(torch.Tensor left, torch.Tensor right, torch.Tensor? importance);
}

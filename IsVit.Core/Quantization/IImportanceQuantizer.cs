using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>A quantizer that can be calibrated for numbers whose errors count differently.</summary>
public interface IImportanceQuantizer : IQuantizer
{
    /// <summary>Chooses the parameters for the given numbers, so that the squared errors, each times its importance, are least. Calling it again forgets the earlier choice.</summary>
    /// <param name="data">As for <see cref="IQuantizer.Calibrate"/>.</param>
    /// <param name="importance">How much the squared error of each number counts, beside that of the others of its channel: at least 0, of a shape that broadcasts to <paramref name="data"/>'s. A channel of zeros counts evenly.</param>
    /// <exception cref="QuantizationException">The data is empty, one of the two holds a NaN or an infinity, an importance is negative, or the shapes do not fit.</exception>
    void Calibrate(torch.Tensor data, torch.Tensor importance);
}

using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>A quantizer that can be calibrated with a weight for the error of each element.</summary>
public interface IImportanceQuantizer : IQuantizer
{
    /// <summary>Chooses the parameters for the given data that minimize the squared errors, each multiplied by its importance. Calling it again discards the earlier choice.</summary>
    /// <param name="data">As for <see cref="IQuantizer.Calibrate"/>.</param>
    /// <param name="importance">The weight of each element's squared error, relative to the others of its channel: at least 0, of a shape that broadcasts to <paramref name="data"/>'s. In a channel of zeros all weights are equal.</param>
    /// <exception cref="QuantizationException">The data is empty, one of the two contains a NaN or an infinity, an importance is negative, or the shapes do not fit.</exception>
    void Calibrate(torch.Tensor data, torch.Tensor importance);
}

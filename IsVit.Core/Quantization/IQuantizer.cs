using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>Maps values to codes of a few bits and back.</summary>
/// <remarks>
/// A quantizer of b bits has exactly 2^b codes. It is created uncalibrated; <see cref="Calibrate"/> or <see cref="ImportParameters"/> sets
/// its parameters, which every other operation requires. Returned tensors belong to the caller (to the dispose scope that is open).
/// </remarks>
public interface IQuantizer : IDisposable
{
    /// <summary>The stable name of the kind of quantizer, as used in saved files and options, e.g. <c>uniform</c>.</summary>
    string Scheme { get; }

    /// <summary>The number of bits of a code.</summary>
    BitWidth Bits { get; }

    /// <summary>Which elements share one set of parameters.</summary>
    Granularity Granularity { get; }

    /// <summary>Whether the quantizer has parameters.</summary>
    bool IsCalibrated { get; }

    /// <summary>Chooses the parameters for the given data. Calling it again discards the earlier choice.</summary>
    /// <param name="data">Any shape that has the granularity's axis, any floating-point type; not changed.</param>
    /// <exception cref="QuantizationException">The data is empty, or contains a NaN or an infinity (the message reports where).</exception>
    void Calibrate(torch.Tensor data);

    /// <summary>Quantizes values to codes.</summary>
    /// <param name="x">Any shape; with per-channel granularity, its channel axis has the same length as that of the calibration data.</param>
    /// <returns>Codes 0 to 2^b - 1, uint8, shape of <paramref name="x"/>.</returns>
    /// <exception cref="QuantizationException">The quantizer is not calibrated, or the number of channels differs.</exception>
    torch.Tensor Quantize(torch.Tensor x);

    /// <summary>Dequantizes codes to values.</summary>
    /// <param name="codes">Codes as returned by <see cref="Quantize"/>.</param>
    /// <returns>float32 (or the parameters' type), shape of <paramref name="codes"/>.</returns>
    /// <exception cref="QuantizationException">The quantizer is not calibrated, or the number of channels differs.</exception>
    torch.Tensor Dequantize(torch.Tensor codes);

    /// <summary>
    /// Replaces values by the dequantized values of their codes, differentiably: every rounding passes the gradient unchanged (straight-through), clamping passes
    /// none to elements outside the range.
    /// </summary>
    /// <param name="x">Any shape; with per-channel granularity, its channel axis has the same length as that of the calibration data.</param>
    /// <returns>Type and shape of <paramref name="x"/>; equal to <c>Dequantize(Quantize(x))</c> in float32, except that a NaN, which has no code, remains NaN.</returns>
    /// <exception cref="QuantizationException">The quantizer is not calibrated, or the number of channels differs.</exception>
    torch.Tensor FakeQuantize(torch.Tensor x);

    /// <summary>Returns a copy of everything that <see cref="ImportParameters"/> needs to create an equal quantizer.</summary>
    /// <exception cref="QuantizationException">The quantizer is not calibrated.</exception>
    QuantizationParameters ExportParameters();

    /// <summary>Sets the parameters to exported ones.</summary>
    /// <param name="parameters">Parameters of the same scheme, bits and granularity.</param>
    /// <exception cref="QuantizationException">Scheme, bits, granularity or a parameter's name, shape or value do not fit.</exception>
    void ImportParameters(QuantizationParameters parameters);

    /// <summary>Returns an equal quantizer that shares nothing with this one.</summary>
    IQuantizer Clone();

    /// <summary>Moves the parameters to a device.</summary>
    /// <param name="device">The device that later inputs will be on.</param>
    void MoveTo(torch.Device device);
}

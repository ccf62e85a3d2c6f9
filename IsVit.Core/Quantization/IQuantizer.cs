using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Core.Quantization;

/// <summary>Turns numbers into codes of a few bits and back.</summary>
/// <remarks>
/// A quantizer of b bits has exactly 2^b codes. It is created uncalibrated; <see cref="Calibrate"/> or <see cref="ImportParameters"/> gives it
/// its parameters, and every other operation needs them. Returned tensors belong to the caller (to the dispose scope that is open).
/// </remarks>
public interface IQuantizer : IDisposable
{
    /// <summary>The stable name of the kind of quantizer, as saved files and options write it, e.g. <c>uniform</c>.</summary>
    string Scheme { get; }

    /// <summary>The number of bits of a code.</summary>
    BitWidth Bits { get; }

    /// <summary>Which elements share one set of parameters.</summary>
    Granularity Granularity { get; }

    /// <summary>Whether the quantizer has parameters.</summary>
    bool IsCalibrated { get; }

    /// <summary>Chooses the parameters for the given numbers. Calling it again forgets the earlier choice.</summary>
    /// <param name="data">Any shape that has the granularity's axis, any floating-point type; unchanged.</param>
    /// <exception cref="QuantizationException">The data is empty, or holds a NaN or an infinity (the message says where).</exception>
    void Calibrate(torch.Tensor data);

    /// <summary>Numbers to codes.</summary>
    /// <param name="x">Any shape; per channel, its axis has as many entries as the calibration data had.</param>
    /// <returns>Codes 0 to 2^b - 1, uint8, shape of <paramref name="x"/>.</returns>
    /// <exception cref="QuantizationException">Not calibrated, or the number of channels differs.</exception>
    torch.Tensor Quantize(torch.Tensor x);

    /// <summary>Codes to numbers.</summary>
    /// <param name="codes">Codes as <see cref="Quantize"/> gives them.</param>
    /// <returns>float32 (or the parameters' type), shape of <paramref name="codes"/>.</returns>
    /// <exception cref="QuantizationException">Not calibrated, or the number of channels differs.</exception>
    torch.Tensor Dequantize(torch.Tensor codes);

    /// <summary>
    /// Numbers to the numbers that their codes stand for, differentiably: every rounding passes the gradient straight through, clamping passes
    /// none to what lies outside the range.
    /// </summary>
    /// <param name="x">Any shape; per channel, its axis has as many entries as the calibration data had.</param>
    /// <returns>Type and shape of <paramref name="x"/>; equal to <c>Dequantize(Quantize(x))</c> in float32, except that a NaN, for which there is no code, stays one.</returns>
    /// <exception cref="QuantizationException">Not calibrated, or the number of channels differs.</exception>
    torch.Tensor FakeQuantize(torch.Tensor x);

    /// <summary>A copy of everything that <see cref="ImportParameters"/> needs to make an equal quantizer.</summary>
    /// <exception cref="QuantizationException">Not calibrated.</exception>
    QuantizationParameters ExportParameters();

    /// <summary>Takes over exported parameters.</summary>
    /// <param name="parameters">Parameters of the same scheme, bits and granularity.</param>
    /// <exception cref="QuantizationException">Scheme, bits, granularity or a parameter's name, shape or value do not fit.</exception>
    void ImportParameters(QuantizationParameters parameters);

    /// <summary>An equal quantizer that shares nothing with this one.</summary>
    IQuantizer Clone();

    /// <summary>Moves the parameters.</summary>
    /// <param name="device">The device that later inputs will be on.</param>
    void MoveTo(torch.Device device);
}

using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>Makes the quantizers of one scheme.</summary>
public interface IQuantizerFactory
{
    /// <summary>The scheme that this factory makes, the <see cref="IQuantizer.Scheme"/> of its quantizers.</summary>
    string Scheme { get; }

    /// <summary>Makes an uncalibrated quantizer.</summary>
    /// <param name="spec">Bits and granularity; its scheme is this factory's.</param>
    /// <param name="isWeight">Whether the numbers are weights: range searches have other candidates for them than for activations.</param>
    /// <exception cref="QuantizationException">The scheme does not support these bits or this granularity.</exception>
    IQuantizer Create(QuantizerSpec spec, bool isWeight);
}

using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>Creates the quantizers of one scheme.</summary>
public interface IQuantizerFactory
{
    /// <summary>The scheme of this factory, the <see cref="IQuantizer.Scheme"/> of its quantizers.</summary>
    string Scheme { get; }

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="spec">Bits and granularity; its scheme is this factory's.</param>
    /// <param name="isWeight">Whether it quantizes weights: range searches use other candidates for weights than for activations.</param>
    /// <exception cref="QuantizationException">The scheme does not support these bits or this granularity.</exception>
    IQuantizer Create(QuantizerSpec spec, bool isWeight);
}

using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>The effect of quantizing one site at one bit width, and nothing else, on a model's outputs.</summary>
public sealed record WidthSensitivity
{
    /// <summary>The number of bits.</summary>
    public required int Bits { get; init; }

    /// <summary>
    /// The distance of the outputs from the float model's, averaged over the images, by <see cref="QuantizationOptions.OutputMetric"/>: the Kullback-Leibler divergence of class probabilities in nats, or the summed squared
    /// change. Measured if requested, otherwise estimated.
    /// </summary>
    public double Divergence => Measured ?? Estimated;

    /// <summary>The divergence measured by running the model; null if it was only estimated.</summary>
    public double? Measured { get; init; }

    /// <summary>The divergence estimated from derivatives and quantization errors, to second order.</summary>
    public required double Estimated { get; init; }

    /// <summary>The mean squared change of an output element; null if the divergence was only estimated.</summary>
    public double? OutputError { get; init; }

    /// <summary>The mean squared quantization error of the site's own elements.</summary>
    public required double QuantizationError { get; init; }
}

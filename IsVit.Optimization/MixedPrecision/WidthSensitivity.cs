using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>What quantizing one site at one bit width, and nothing else, does to a model's outputs.</summary>
public sealed record WidthSensitivity
{
    /// <summary>The number of bits.</summary>
    public required int Bits { get; init; }

    /// <summary>
    /// How far the outputs are from the float model's, mean over the images, as <see cref="QuantizationOptions.OutputMetric"/> measures it: the Kullback-Leibler divergence of class probabilities in nats, or the summed squared
    /// change. Measured if that was asked for, else estimated.
    /// </summary>
    public double Divergence => Measured ?? Estimated;

    /// <summary>The divergence found by running the model; null if it was only estimated.</summary>
    public double? Measured { get; init; }

    /// <summary>The divergence estimated from derivatives and quantization errors, to second order.</summary>
    public required double Estimated { get; init; }

    /// <summary>The mean squared change of an output; null if the divergence was only estimated.</summary>
    public double? OutputError { get; init; }

    /// <summary>The mean squared error of the site's own numbers.</summary>
    public required double QuantizationError { get; init; }
}

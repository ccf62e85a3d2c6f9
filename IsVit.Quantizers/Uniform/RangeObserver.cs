using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.Uniform;

/// <summary>How a uniform quantizer chooses the range that its codes span. Every search runs once per channel.</summary>
public abstract record RangeObserver
{
    private protected RangeObserver()
    {
    }

    /// <summary>Smallest to largest value; nothing is clipped.</summary>
    public static RangeObserver MinMax { get; } = new MinMaxObserver();

    /// <summary>The released code's search for activations: percentile pairs .999, .9999, .99999.</summary>
    public static RangeObserver ActivationPercentiles { get; } = new PercentileObserver([.999, .9999, .99999]);

    /// <summary>The released code's search for weights: nine percentile pairs from .97 to .99999.</summary>
    public static RangeObserver WeightPercentiles { get; } = new PercentileObserver([.97, .98, .99, .995, .9995, .9997, .9999, .99995, .99999]);

    /// <summary>The smallest mean squared error over a fine grid of ranges and zero points, refined by golden-section search.</summary>
    public static RangeObserver Mse { get; } = new MseObserver();

    /// <summary>
    /// Symmetric percentile pairs (p, 1 - p); the pair with the smallest mean squared error is chosen, the first of equals. Percentiles are interpolated as
    /// in <c>torch.quantile</c>, for any number of values.
    /// </summary>
    /// <param name="fractions">One or more, each above 0.5 and at most 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A fraction is outside that range.</exception>
    public static RangeObserver Percentiles(params IEnumerable<double> fractions) => new PercentileObserver([.. fractions]);

    /// <summary>The best grid for one channel that is not constant.</summary>
    internal abstract UniformGrid Find(RankedValues values, BitWidth bits, bool symmetric);
}

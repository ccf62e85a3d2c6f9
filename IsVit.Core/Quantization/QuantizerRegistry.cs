using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>Makes quantizers by the name of their scheme.</summary>
public sealed class QuantizerRegistry
{
    private readonly Dictionary<string, IQuantizerFactory> _factories = new(StringComparer.Ordinal);

    /// <summary>Creates a registry.</summary>
    /// <param name="factories">The factories; of two with one scheme the later one counts.</param>
    public QuantizerRegistry(IEnumerable<IQuantizerFactory> factories)
    {
        ArgumentNullException.ThrowIfNull(factories);
        foreach (var factory in factories)
        {
            _factories[factory.Scheme] = factory;
        }
    }

    /// <summary>The schemes, in alphabetical order.</summary>
    public IEnumerable<string> Schemes => _factories.Keys.Order(StringComparer.Ordinal);

    internal bool Knows(string scheme) => _factories.ContainsKey(scheme);

    /// <summary>Makes an uncalibrated quantizer.</summary>
    /// <param name="spec">Scheme, bits and granularity.</param>
    /// <param name="isWeight">Whether the numbers are weights.</param>
    /// <exception cref="QuantizationException">No factory has the scheme, or it refuses the bits or the granularity.</exception>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return _factories.TryGetValue(spec.Scheme, out var factory)
            ? factory.Create(spec, isWeight)
            : throw new QuantizationException($"No quantizer has the scheme '{spec.Scheme}'; known are {string.Join(", ", Schemes)}.");
    }
}

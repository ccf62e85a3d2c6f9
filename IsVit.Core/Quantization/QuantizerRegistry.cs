using IsVit.Model.Quantization;

namespace IsVit.Core.Quantization;

/// <summary>Creates quantizers by the name of their scheme.</summary>
public sealed class QuantizerRegistry
{
    private readonly Dictionary<string, IQuantizerFactory> _factories = new(StringComparer.Ordinal);

    /// <summary>Creates a registry.</summary>
    /// <param name="factories">The factories; of two with the same scheme the later one is used.</param>
    public QuantizerRegistry(IEnumerable<IQuantizerFactory> factories)
    {
        ArgumentNullException.ThrowIfNull(factories);
        foreach (var factory in factories)
        {
            _factories[factory.Scheme] = factory;
        }
    }

    /// <summary>Names that schemes had, each with the one of today; used where no factory has the name.</summary>
    internal IReadOnlyDictionary<string, string> FormerSchemes { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The schemes, in alphabetical order.</summary>
    public IEnumerable<string> Schemes => _factories.Keys.Order(StringComparer.Ordinal);

    internal bool Knows(string scheme) => Find(scheme) is not null;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="spec">Scheme, bits and granularity.</param>
    /// <param name="isWeight">Whether it quantizes weights.</param>
    /// <exception cref="QuantizationException">No factory has the scheme, or the factory does not support the bits or the granularity.</exception>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Find(spec.Scheme) is { } factory
            ? factory.Create(spec with { Scheme = factory.Scheme }, isWeight)
            : throw new QuantizationException($"No quantizer has the scheme '{spec.Scheme}'; known are {string.Join(", ", Schemes)}.");
    }

    private IQuantizerFactory? Find(string scheme) =>
        _factories.GetValueOrDefault(scheme) ?? (FormerSchemes.TryGetValue(scheme, out var now) ? _factories.GetValueOrDefault(now) : null);
}

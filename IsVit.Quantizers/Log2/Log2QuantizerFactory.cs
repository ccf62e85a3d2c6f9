using IsVit.Core.Quantization;

namespace IsVit.Quantizers.Log2;

/// <summary>Creates log2 quantizers.</summary>
/// <param name="options">How scales are chosen.</param>
public sealed class Log2QuantizerFactory(Log2Options options) : IQuantizerFactory
{
    private readonly Log2Options _options = options ?? throw new ArgumentNullException(nameof(options));

    /// <summary>Creates quantizers whose scale is the largest value.</summary>
    public Log2QuantizerFactory()
        : this(new())
    {
    }

    /// <inheritdoc/>
    public string Scheme => Log2Quantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new Log2Quantizer(spec.Bits, spec.Granularity, _options);
    }
}

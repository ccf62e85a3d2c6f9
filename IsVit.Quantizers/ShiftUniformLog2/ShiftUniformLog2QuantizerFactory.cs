using IsVit.Core.Quantization;

namespace IsVit.Quantizers.ShiftUniformLog2;

/// <summary>Creates shift-uniform-log2 quantizers.</summary>
/// <param name="options">Levels and shifts to search.</param>
public sealed class ShiftUniformLog2QuantizerFactory(ShiftUniformLog2Options options) : IQuantizerFactory
{
    private readonly ShiftUniformLog2Options _options = options ?? throw new ArgumentNullException(nameof(options));

    /// <summary>Creates quantizers with free levels and the extended grid of shifts.</summary>
    public ShiftUniformLog2QuantizerFactory()
        : this(new())
    {
    }

    /// <inheritdoc/>
    public string Scheme => ShiftUniformLog2Quantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new ShiftUniformLog2Quantizer(spec.Bits, spec.Granularity, _options);
    }
}

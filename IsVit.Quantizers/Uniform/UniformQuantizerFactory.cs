using IsVit.Core.Quantization;

namespace IsVit.Quantizers.Uniform;

/// <summary>Creates uniform quantizers.</summary>
/// <param name="activations">How activations are quantized.</param>
/// <param name="weights">How weights are quantized.</param>
public sealed class UniformQuantizerFactory(UniformOptions activations, UniformOptions weights) : IQuantizerFactory
{
    private readonly UniformOptions _activations = activations ?? throw new ArgumentNullException(nameof(activations));
    private readonly UniformOptions _weights = weights ?? throw new ArgumentNullException(nameof(weights));

    /// <summary>Creates quantizers whose range search is that of the released code.</summary>
    public UniformQuantizerFactory()
        : this(UniformOptions.Activations, UniformOptions.Weights)
    {
    }

    /// <inheritdoc/>
    public string Scheme => UniformQuantizer.SchemeName;

    /// <inheritdoc/>
    public IQuantizer Create(QuantizerSpec spec, bool isWeight)
    {
        SpecCheck.SchemeIs(spec, Scheme);
        return new UniformQuantizer(spec.Bits, spec.Granularity, isWeight ? _weights : _activations);
    }
}

namespace IsVit.Quantizers.Uniform;

/// <summary>How a uniform quantizer chooses its scale and zero point.</summary>
public sealed record UniformOptions
{
    private readonly RangeObserver _rangeSearch = RangeObserver.ActivationPercentiles;

    /// <summary>The released code's choice for activations.</summary>
    public static UniformOptions Activations { get; } = new();

    /// <summary>The released code's choice for weights.</summary>
    public static UniformOptions Weights { get; } = new() { RangeObserver = RangeObserver.WeightPercentiles };

    /// <summary>Whether the zero point is fixed at 2^(b-1), as integer kernels require; otherwise it depends on the data.</summary>
    public bool Symmetric { get; init; }

    /// <summary>How the range is determined. Default: <see cref="RangeObserver.ActivationPercentiles"/>.</summary>
    public RangeObserver RangeObserver
    {
        get => _rangeSearch;
        init => _rangeSearch = value ?? throw new ArgumentNullException(nameof(RangeObserver));
    }
}

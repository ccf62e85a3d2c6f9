namespace IsVit.Quantizers.Log2;

/// <summary>How a log2 quantizer chooses its scale.</summary>
public sealed record Log2Options
{
    /// <summary>
    /// Whether to search for the scale with the smallest mean squared error below the largest value. At few bits the smallest level, s 2^-(2^b - 1), is not smaller than most attention probabilities: a smaller s clamps
    /// a few large values and lowers that level. False to use the largest value, as in eq. 10.
    /// </summary>
    public bool SearchScale { get; init; }
}

namespace IsVit.Quantizers.Log2;

/// <summary>How a log2 quantizer chooses its scale.</summary>
public sealed record Log2Options
{
    /// <summary>
    /// Whether the scale with the smallest mean squared error is looked for, below the largest number. At few bits the smallest level, s 2^-(2^b - 1), is no smaller than most attentions are: a smaller s clamps
    /// a few large ones and brings that level down. False for the largest number, as eq. 10 has it.
    /// </summary>
    public bool SearchScale { get; init; }
}

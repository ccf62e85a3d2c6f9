namespace IsVit.Optimization.Recipes;

/// <summary>The names of the built-in recipes.</summary>
public static class RecipeNames
{
    /// <summary>I&amp;S-ViT: shift-uniform-log2 and the three stages of SOS.</summary>
    public const string ISVit = "isvit";

    /// <summary>
    /// I&amp;S-ViT as in the authors' released code, without its defects: power-of-two levels and the code's grid of shifts; 2^b codes and an integer zero point
    /// as everywhere in this library.
    /// </summary>
    public const string Released = "isvit-released";

    /// <summary>RepQ-ViT (Li et al., arXiv 2212.08254): log-sqrt2, and per-channel post-LayerNorm quantizers that are converted to per-tensor ones; calibration only.</summary>
    public const string RepQ = "repq";

    /// <summary>Round to nearest with min-max ranges, from the smallest to the largest value.</summary>
    public const string MinMax = "minmax";

    /// <summary>Uniform quantizers everywhere, ranges by percentile search; calibration only.</summary>
    public const string Percentile = "percentile";

    /// <summary>Shift-uniform-log2 without SOS: weights and activations are quantized together, per tensor, followed by one reconstruction.</summary>
    public const string SulqOnly = "sulq-only";

    /// <summary>SOS with a log2 quantizer with a searched scale, instead of shift-uniform-log2.</summary>
    public const string SosOnly = "sos-only";

    /// <summary>Neither of the two: log2 with a searched scale, and one reconstruction with weights and activations quantized together.</summary>
    public const string Baseline = "baseline";

    /// <summary>The stages of <see cref="ISVit"/> with uniform quantizers everywhere, as in most published methods.</summary>
    public const string Uniform = "uniform";

    /// <summary>For integer kernels: uniform quantizers everywhere, weights with a fixed zero point in the middle of the range, reconstructed by SOS.</summary>
    public const string IntegerArithmetic = "integer";

    /// <summary>Quantizes only weights, with a fixed zero point in the middle of the range, reconstructed; activations stay in float.</summary>
    public const string WeightOnly = "weight-only";
}

namespace IsVit.Optimization.Recipes;

/// <summary>The names of the built-in recipes.</summary>
public static class RecipeNames
{
    /// <summary>I&amp;S-ViT: shift-uniform-log2 and the three stages of SOS.</summary>
    public const string ISVit = "isvit";

    /// <summary>
    /// I&amp;S-ViT as the authors' released code has it, but for its defects: power-of-two levels and its grid of shifts; 2^b codes and a whole zero point
    /// as everywhere here.
    /// </summary>
    public const string Released = "isvit-released";

    /// <summary>RepQ-ViT (Li et al., arXiv 2212.08254): log-sqrt2, per-channel post-LayerNorm quantizers made per-tensor; calibration only.</summary>
    public const string RepQ = "repq";

    /// <summary>Round to nearest with ranges from the smallest to the largest value.</summary>
    public const string MinMax = "minmax";

    /// <summary>Uniform quantizers everywhere, ranges by percentile search; calibration only.</summary>
    public const string Percentile = "percentile";

    /// <summary>Shift-uniform-log2 without SOS: weights and activations quantized at once, per tensor, then one reconstruction.</summary>
    public const string SulqOnly = "sulq-only";

    /// <summary>SOS with a log2 quantizer, its scale searched for, in shift-uniform-log2's place.</summary>
    public const string SosOnly = "sos-only";

    /// <summary>Neither: log2, its scale searched for, and one reconstruction with everything quantized at once.</summary>
    public const string Baseline = "baseline";

    /// <summary>The stages of <see cref="ISVit"/> with uniform quantizers everywhere, as most published methods have them.</summary>
    public const string Uniform = "uniform";

    /// <summary>What integer kernels compute: uniform quantizers everywhere, weights with a zero point fixed in the middle, reconstructed by SOS.</summary>
    public const string IntegerArithmetic = "integer";

    /// <summary>Weights only, with a zero point fixed in the middle, reconstructed; activations stay in float.</summary>
    public const string WeightOnly = "weight-only";
}

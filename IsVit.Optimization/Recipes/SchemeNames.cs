namespace IsVit.Optimization.Recipes;

/// <summary>The schemes that the built-in recipes use.</summary>
public static class SchemeNames
{
    /// <summary>Uniform, ranges by percentile search.</summary>
    public const string Uniform = "uniform";

    /// <summary>Uniform, min-max ranges from the smallest to the largest value.</summary>
    public const string UniformMinMax = "uniform-minmax";

    /// <summary>Uniform, ranges by a finer search.</summary>
    public const string UniformMse = "uniform-mse";

    /// <summary>Uniform with its zero point fixed at 2^(b-1), as integer kernels require.</summary>
    public const string UniformSymmetric = "uniform-symmetric";

    /// <summary><see cref="UniformSymmetric"/>, ranges by a finer search.</summary>
    public const string UniformSymmetricMse = "uniform-symmetric-mse";

    /// <summary>Log2 with the largest value as its scale.</summary>
    public const string Log2 = "log2";

    /// <summary>Log2 with the scale that has the smallest squared error.</summary>
    public const string Log2Mse = "log2-mse";

    /// <summary>Log-sqrt2 of RepQ-ViT.</summary>
    public const string LogSqrt2 = "log-sqrt2";

    /// <summary>Twin uniform of PTQ4ViT.</summary>
    public const string TwinUniform = "twin-uniform";

    /// <summary>2^b freely placed levels, those with the smallest squared error (Lloyd-Max).</summary>
    public const string FreeLevels = "free-levels";

    /// <summary>A table of 2^b levels for each channel, on an 8-bit grid.</summary>
    public const string ChannelLevels = "channel-levels";

    /// <summary>Shift-uniform-log2 with free levels.</summary>
    public const string ShiftUniformLog2 = "sulq";

    /// <summary>Shift-uniform-log2 with the shift and levels for which the product of attention and values loses least.</summary>
    public const string ShiftUniformLog2Fitted = "sulq-fitted";

    /// <summary>Shift-uniform-log2 with power-of-two levels, for hardware that multiplies by shifts.</summary>
    public const string ShiftUniformLog2PowerOfTwo = "sulq-power-of-two";

    /// <summary>Shift-uniform-log2 with power-of-two levels and the released code's grid of shifts.</summary>
    public const string ShiftUniformLog2Released = "sulq-released";
}

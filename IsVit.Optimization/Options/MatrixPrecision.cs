namespace IsVit.Optimization.Options;

/// <summary>The precision of a unit's matrix products while its weights are trained. Losses, weights and the optimizer's state are not affected.</summary>
public enum MatrixPrecision
{
    /// <summary>TF32 on CUDA devices, where the accuracy is the same within the variation between seeds; elsewhere the model's own precision.</summary>
    Automatic,

    /// <summary>The model's own precision.</summary>
    Full,

    /// <summary>TF32 on CUDA devices: operands rounded to 10 bits of mantissa, sums in float32. Elsewhere the same as <see cref="Full"/>.</summary>
    TensorFloat32,

    /// <summary>
    /// Operands and results rounded to bfloat16. Faster on hardware that multiplies bfloat16 matrices (AVX512_BF16, AMX, CUDA from compute capability 8.0), and many times slower on other hardware.
    /// </summary>
    BFloat16,
}

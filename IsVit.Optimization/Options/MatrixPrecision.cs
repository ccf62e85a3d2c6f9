namespace IsVit.Optimization.Options;

/// <summary>What the matrix products of a unit are computed in while its weights are trained. Losses, weights and the optimizer's state stay as they are.</summary>
public enum MatrixPrecision
{
    /// <summary>TF32 on CUDA devices, where the accuracy is the same within what seeds change; elsewhere as the model is.</summary>
    Automatic,

    /// <summary>As the model is.</summary>
    Full,

    /// <summary>TF32 on CUDA devices: operands rounded to 10 bits of mantissa, sums in float32. Elsewhere as <see cref="Full"/>.</summary>
    TensorFloat32,

    /// <summary>
    /// Operands and results rounded to bfloat16. Faster where the processor multiplies bfloat16 matrices (AVX512_BF16, AMX, CUDA from compute capability 8.0), and many times slower where it does not.
    /// </summary>
    BFloat16,
}

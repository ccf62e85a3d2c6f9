namespace IsVit.Model.Architectures;

/// <summary>The activation between the two layers of a block's MLP.</summary>
public enum MlpKind
{
    /// <summary>The exact (erf) GELU.</summary>
    Gelu,

    /// <summary>SwiGLU (Shazeer, arXiv 2002.05202): SiLU of the hidden layer's first half, times its second half; timm's <c>SwiGLUPacked</c>.</summary>
    SwiGlu,
}

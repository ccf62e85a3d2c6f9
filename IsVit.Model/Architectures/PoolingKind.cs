namespace IsVit.Model.Architectures;

/// <summary>The input of a vision transformer's head.</summary>
public enum PoolingKind
{
    /// <summary>The class token, after the final normalization.</summary>
    ClassToken,

    /// <summary>The mean of the patch tokens, normalized after pooling (timm's <c>fc_norm</c>).</summary>
    Average,

    /// <summary>The mean of the patch tokens after the final normalization (timm's global pooling without <c>fc_norm</c>).</summary>
    AverageOfNormalized,

    /// <summary>The class token followed by the mean of the patch tokens, both after the final normalization: twice the width of a token (the linear classifiers of DINOv2: Oquab et al., arXiv 2304.07193).</summary>
    ClassTokenAndAverage,
}

namespace IsVit.Model;

/// <summary>What a site's numbers are, which decides the quantizer it gets.</summary>
public enum SiteRole
{
    /// <summary>An activation of no special kind.</summary>
    Other,

    /// <summary>The network's own input, such as an image of 8-bit pixels.</summary>
    ModelInput,

    /// <summary>The output of an affine LayerNorm that nothing but matrix products reads, so that its scale can be moved into their weights.</summary>
    PostLayerNorm,

    /// <summary>The output of a Softmax: numbers in 0 to 1, most of them tiny.</summary>
    PostSoftmax,

    /// <summary>The output of a GELU.</summary>
    PostGelu,

    /// <summary>The weight of a linear layer or a convolution.</summary>
    Weight,
}

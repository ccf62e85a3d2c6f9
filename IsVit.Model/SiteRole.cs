namespace IsVit.Model;

/// <summary>The kind of tensor at a site, which determines its quantizer.</summary>
public enum SiteRole
{
    /// <summary>An activation of no special kind.</summary>
    Other,

    /// <summary>The network's own input, such as an image of 8-bit pixels.</summary>
    ModelInput,

    /// <summary>The output of an affine LayerNorm that only matrix products read, so that its scale can be folded into their weights.</summary>
    PostLayerNorm,

    /// <summary>The output of a Softmax: values in 0 to 1, most of them tiny.</summary>
    PostSoftmax,

    /// <summary>The output of a GELU.</summary>
    PostGelu,

    /// <summary>The weight of a linear layer or a convolution.</summary>
    Weight,
}

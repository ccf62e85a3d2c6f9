namespace IsVit.Optimization.MixedPrecision;

/// <summary>How the effect of quantizing one site on a model's outputs is determined.</summary>
public enum SensitivityMethod
{
    /// <summary>
    /// From the outputs' derivatives with respect to the site's elements and the errors that its quantizer makes: one forward and a few backward passes per image cover all sites and bit widths. Accurate for small errors;
    /// a second-order estimate cannot capture the effect of large errors, such as at 2 bits.
    /// </summary>
    Estimated,

    /// <summary>By running the model with only that site quantized: one forward pass, from the site's unit on, for every site and bit width. The estimate is reported as well.</summary>
    Measured,
}

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How it is found out what quantizing one site does to a model's outputs.</summary>
public enum SensitivityMethod
{
    /// <summary>
    /// From the outputs' derivatives by the site's numbers and the errors that its quantizer makes: one forward and a few backwards an image serve all sites and widths. Good where errors are small; what
    /// errors that are large do, at 2 bits say, a second-order estimate cannot know.
    /// </summary>
    Estimated,

    /// <summary>By running the model with that site quantized and nothing else: one forward, from the site's unit on, for every site and width. The estimate is there as well.</summary>
    Measured,
}

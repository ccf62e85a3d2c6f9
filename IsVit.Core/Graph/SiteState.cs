namespace IsVit.Core.Graph;

/// <summary>What a site does with the numbers that flow through it.</summary>
public enum SiteState
{
    /// <summary>They pass unchanged.</summary>
    Off,

    /// <summary>The next numbers calibrate the quantizer and pass unchanged.</summary>
    Calibrating,

    /// <summary>The next numbers calibrate the quantizer; they, and all later ones, pass fake-quantized.</summary>
    CalibratingThenQuantized,

    /// <summary>They pass fake-quantized.</summary>
    Quantized,
}

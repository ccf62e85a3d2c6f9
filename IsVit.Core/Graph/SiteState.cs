namespace IsVit.Core.Graph;

/// <summary>What a site does with the tensors that pass through it.</summary>
public enum SiteState
{
    /// <summary>Tensors pass unchanged.</summary>
    Off,

    /// <summary>The next tensor calibrates the quantizer and passes unchanged.</summary>
    Calibrating,

    /// <summary>The next tensor calibrates the quantizer; it and all later ones are fake-quantized.</summary>
    CalibratingThenQuantized,

    /// <summary>Tensors are fake-quantized.</summary>
    Quantized,
}

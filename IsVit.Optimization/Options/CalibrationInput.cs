namespace IsVit.Optimization.Options;

/// <summary>Which activations a quantizer is calibrated on.</summary>
public enum CalibrationInput
{
    /// <summary>Activations of the network whose earlier sites are already quantized, as in the released code.</summary>
    Quantized,

    /// <summary>Activations of the float network.</summary>
    Full,
}

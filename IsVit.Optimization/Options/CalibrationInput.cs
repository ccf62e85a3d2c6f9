namespace IsVit.Optimization.Options;

/// <summary>What an activation quantizer sees while it is calibrated.</summary>
public enum CalibrationInput
{
    /// <summary>Activations of the network whose earlier sites are quantized already, as the released code does.</summary>
    Quantized,

    /// <summary>Activations of the float network.</summary>
    Full,
}

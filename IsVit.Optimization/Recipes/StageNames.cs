namespace IsVit.Optimization.Recipes;

/// <summary>The names of the built-in stages. A stage registered under one of these names replaces the built-in one.</summary>
public static class StageNames
{
    /// <summary>Multiplies attention heads by orthogonal matrices that cancel: their values spread evenly over the channels, and the float function does not change.</summary>
    public const string HeadRotation = "head-rotation";

    /// <summary>Gives all channels of the output of attention the same mean and size, without loss: the layer after attention compensates for both.</summary>
    public const string ValueNormalization = "value-normalization";

    /// <summary>Calibrates activation quantizers; activations are quantized from here on.</summary>
    public const string ActivationCalibration = "activation-calibration";

    /// <summary>Measures how much the output of each unit affects the model's outputs; reconstruction weights errors by it.</summary>
    public const string OutputSensitivity = "output-sensitivity";

    /// <summary>Changes weights and biases so that layers compensate for the rounding of their inputs.</summary>
    public const string RidgeCorrection = "ridge-correction";

    /// <summary>SOS stage 1: reconstructs units with float weights and quantized activations.</summary>
    public const string ActivationReconstruction = "activation-reconstruction";

    /// <summary>SOS stage 2: converts per-channel post-LayerNorm quantizers to per-tensor ones (eq. 15-16).</summary>
    public const string Reparameterization = "reparameterization";

    /// <summary>Calibrates weight quantizers; weights are quantized from here on.</summary>
    public const string WeightCalibration = "weight-calibration";

    /// <summary>Changes weights so that their codes change the layers' outputs least.</summary>
    public const string Gptq = "gptq";

    /// <summary>Shifts biases so that the means of every layer's outputs equal the float model's again.</summary>
    public const string BiasCorrection = "bias-correction";

    /// <summary>SOS stage 3: reconstructs units with quantized weights and activations.</summary>
    public const string WeightReconstruction = "weight-reconstruction";

    /// <summary>Trains the biases and normalization parameters of the whole model so that its outputs match the float model's.</summary>
    public const string OutputTuning = "output-tuning";

    /// <summary>A single reconstruction with quantized weights and activations, with as many iterations as both of SOS's together; the baseline that SOS is compared with.</summary>
    public const string DirectReconstruction = "direct-reconstruction";
}

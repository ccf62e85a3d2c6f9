namespace IsVit.Optimization.Recipes;

/// <summary>The names of the built-in stages. A stage registered under one of them takes its place.</summary>
public static class StageNames
{
    /// <summary>Heads of attention are multiplied by orthogonal matrices that cancel: their numbers spread evenly over the channels, the float function stays.</summary>
    public const string HeadRotation = "head-rotation";

    /// <summary>What attention makes of its values gets one mean and size for all channels, at no loss: the layer behind takes both up.</summary>
    public const string ValueNormalization = "value-normalization";

    /// <summary>Activation quantizers choose their parameters; activations are quantized from here on.</summary>
    public const string ActivationCalibration = "activation-calibration";

    /// <summary>How much what each unit gives matters for the model's outputs is measured; reconstruction weighs errors with it.</summary>
    public const string OutputSensitivity = "output-sensitivity";

    /// <summary>Weights and biases are moved so that layers make up for the rounding of their inputs.</summary>
    public const string RidgeCorrection = "ridge-correction";

    /// <summary>SOS stage 1: units are reconstructed with float weights and quantized activations.</summary>
    public const string ActivationReconstruction = "activation-reconstruction";

    /// <summary>SOS stage 2: per-channel post-LayerNorm quantizers become per-tensor ones (eq. 15-16).</summary>
    public const string Reparameterization = "reparameterization";

    /// <summary>Weight quantizers choose their parameters; weights are quantized from here on.</summary>
    public const string WeightCalibration = "weight-calibration";

    /// <summary>Weights are moved so that their codes change the layers' outputs least.</summary>
    public const string Gptq = "gptq";

    /// <summary>Biases are moved so that the means of every layer's outputs are the float model's again.</summary>
    public const string BiasCorrection = "bias-correction";

    /// <summary>SOS stage 3: units are reconstructed with weights and activations quantized.</summary>
    public const string WeightReconstruction = "weight-reconstruction";

    /// <summary>Biases and normalisations of the whole model are trained for its outputs.</summary>
    public const string OutputTuning = "output-tuning";

    /// <summary>One reconstruction with weights and activations quantized, given the steps of both of SOS's; what SOS is compared with.</summary>
    public const string DirectReconstruction = "direct-reconstruction";
}

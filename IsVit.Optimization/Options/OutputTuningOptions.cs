namespace IsVit.Optimization.Options;

/// <summary>How biases and normalization parameters are trained at the end, see <see cref="OutputTuning.OutputTuningStage"/>.</summary>
public sealed record OutputTuningOptions
{
    /// <summary>Number of optimizer iterations, 0 or more; each one is a forward and backward pass of <see cref="ReconstructionOptions.BatchSize"/> images through the whole model.</summary>
    public int Steps { get; set; } = 60;

    /// <summary>Adam's initial learning rate; it decays to 0 along a cosine.</summary>
    public double LearningRate { get; set; } = 1e-3;

    /// <summary>Whether an iteration uses a random crop of each image, or of its mirror image, instead of the image itself. Only for images of shape [images, channels, height, width]; other inputs are used unchanged.</summary>
    public bool FreshViews { get; set; } = true;

    internal void Validate()
    {
        const string Prefix = nameof(QuantizationOptions.OutputTuning);
        OptionRange.Require($"{Prefix}.{nameof(Steps)}", Steps, 0, int.MaxValue);
        OptionRange.RequirePositive($"{Prefix}.{nameof(LearningRate)}", LearningRate);
    }
}

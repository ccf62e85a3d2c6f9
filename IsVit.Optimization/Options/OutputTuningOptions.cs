namespace IsVit.Optimization.Options;

/// <summary>How biases and normalisations are trained at the end, see <see cref="OutputTuning.OutputTuningStage"/>.</summary>
public sealed record OutputTuningOptions
{
    /// <summary>Steps of the optimizer, 0 or more; a step takes <see cref="ReconstructionOptions.BatchSize"/> images through the whole model and back.</summary>
    public int Steps { get; set; } = 60;

    /// <summary>Adam's learning rate at the first step; it falls to 0 along a cosine.</summary>
    public double LearningRate { get; set; } = 1e-3;

    /// <summary>Whether a step takes a random crop of each image, or of its mirror image, instead of the image itself. Only of images as [images, channels, height, width]; others are taken as they are.</summary>
    public bool FreshViews { get; set; } = true;

    internal void Validate()
    {
        const string Prefix = nameof(QuantizationOptions.OutputTuning);
        OptionRange.Require($"{Prefix}.{nameof(Steps)}", Steps, 0, int.MaxValue);
        OptionRange.RequirePositive($"{Prefix}.{nameof(LearningRate)}", LearningRate);
    }
}

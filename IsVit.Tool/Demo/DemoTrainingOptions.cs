namespace IsVit.Tool.Demo;

/// <summary>How a small vision transformer is trained: AdamW with a warm-up and a cosine schedule, label smoothing, random shifts.</summary>
internal sealed record DemoTrainingOptions
{
    /// <summary>Passes over the training split.</summary>
    public int Epochs { get; init; } = 25;

    /// <summary>Fixes initial weights, order and augmentation.</summary>
    public int Seed { get; init; }

    /// <summary>Images a step.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>AdamW's step size after the warm-up.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>The part of all steps in which the step size rises linearly to <see cref="LearningRate"/>.</summary>
    public double WarmUpFraction { get; init; } = 0.05;

    /// <summary>AdamW's decoupled weight decay, for matrices only (not for biases, LayerNorm, class token, position embedding and the table of relative positions).</summary>
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>Probability mass spread over all classes.</summary>
    public double LabelSmoothing { get; init; } = 0.1;

    /// <summary>The largest norm of the whole gradient.</summary>
    public double GradientClip { get; init; } = 1;

    /// <summary>Images are shifted by up to this many pixels in each direction, the border filled with zeros.</summary>
    public int MaximumShift { get; init; } = 1;

    /// <summary>How often an image is mirrored sideways, 0 to 1. The set's shoes all point one way, so mirrored ones only cost epochs.</summary>
    public double FlipProbability { get; init; }

    /// <summary>Uses only the first images of the training split; null: all of them.</summary>
    public int? TrainingImages { get; init; }
}

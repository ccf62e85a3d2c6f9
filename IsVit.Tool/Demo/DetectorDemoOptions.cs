namespace IsVit.Tool.Demo;

/// <summary>How the demo's detector is trained.</summary>
internal sealed record DetectorDemoOptions
{
    /// <summary>Steps of the optimizer.</summary>
    public int Steps { get; init; } = 24_000;

    /// <summary>Fixes initial weights, scenes and samples.</summary>
    public int Seed { get; init; }

    /// <summary>Scenes a step.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>AdamW's step size after the warm-up.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>The part of all steps in which the step size rises linearly to <see cref="LearningRate"/>.</summary>
    public double WarmUpFraction { get; init; } = 0.02;

    /// <summary>The largest norm of the whole gradient.</summary>
    public double GradientClip { get; init; } = 5;

    /// <summary>Anchors of a scene that a step trains with.</summary>
    public int AnchorsPerScene { get; init; } = 128;

    /// <summary>Regions of a scene that a step trains with, a quarter of them on objects.</summary>
    public int RegionsPerScene { get; init; } = 48;

    /// <summary>Uses only the first images of the training split.</summary>
    public int TrainingImages { get; init; } = 60_000;

    /// <summary>Held-out scenes that the scores are measured on.</summary>
    public int TestScenes { get; init; } = DemoScenes.TestCount;
}

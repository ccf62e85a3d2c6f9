namespace IsVit.Optimization.Stages;

/// <summary>The cost of a stage, in passes of one image through the model.</summary>
/// <param name="Forwards">Forward passes without gradients.</param>
/// <param name="Steps">Forward and backward passes.</param>
public readonly record struct StageWork(double Forwards, double Steps)
{
    /// <summary>The sum of both costs.</summary>
    public static StageWork operator +(StageWork left, StageWork right) => new(left.Forwards + right.Forwards, left.Steps + right.Steps);

    /// <summary>The sum of both costs.</summary>
    /// <param name="other">The cost to add.</param>
    public StageWork Add(StageWork other) => this + other;
}

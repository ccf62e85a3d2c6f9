namespace IsVit.Optimization.Stages;

/// <summary>What a stage costs, in passes of one image through the model.</summary>
/// <param name="Forwards">Passes without gradients.</param>
/// <param name="Steps">Passes forward and backward.</param>
public readonly record struct StageWork(double Forwards, double Steps)
{
    /// <summary>The work of both.</summary>
    public static StageWork operator +(StageWork left, StageWork right) => new(left.Forwards + right.Forwards, left.Steps + right.Steps);

    /// <summary>The work of both.</summary>
    /// <param name="other">The other work.</param>
    public StageWork Add(StageWork other) => this + other;
}

namespace IsVit.Optimization.Stages;

/// <summary>The cost of a stage, in passes of one image through the model.</summary>
/// <param name="Forwards">Forward passes without gradients.</param>
/// <param name="Steps">Forward and backward passes.</param>
public readonly record struct StageWork(double Forwards, double Steps)
{
    /// <summary>Forward and backward passes of one image through the model for each unit that it has.</summary>
    public double StepsPerUnit { get; init; }

    /// <summary>The sum of both costs.</summary>
    public static StageWork operator +(StageWork left, StageWork right) => new(left.Forwards + right.Forwards, left.Steps + right.Steps) { StepsPerUnit = left.StepsPerUnit + right.StepsPerUnit };

    /// <summary>The sum of both costs.</summary>
    /// <param name="other">The cost to add.</param>
    public StageWork Add(StageWork other) => this + other;

    /// <summary>The same cost with the passes for each unit among <see cref="Steps"/>.</summary>
    /// <param name="units">How many units the model has.</param>
    public StageWork For(int units) => new(Forwards, Steps + (StepsPerUnit * units));
}

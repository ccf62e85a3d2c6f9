namespace IsVit.Optimization.Stages;

/// <summary>What a stage costs, in passes of one image through the model.</summary>
/// <param name="Forwards">Passes without gradients.</param>
/// <param name="Steps">Passes forward and backward.</param>
internal readonly record struct StageWork(double Forwards, double Steps)
{
    public static StageWork operator +(StageWork left, StageWork right) => new(left.Forwards + right.Forwards, left.Steps + right.Steps);
}

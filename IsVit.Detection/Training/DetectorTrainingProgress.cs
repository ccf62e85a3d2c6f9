namespace IsVit.Detection.Training;

/// <summary>What a step of training gave.</summary>
/// <param name="Step">The steps done, from 1.</param>
/// <param name="Steps">All steps.</param>
/// <param name="LearningRate">The step's learning rate.</param>
/// <param name="Losses">The step's losses, before the weights changed.</param>
public sealed record DetectorTrainingProgress(int Step, int Steps, double LearningRate, DetectorLosses Losses);

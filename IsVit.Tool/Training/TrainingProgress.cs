namespace IsVit.Tool.Training;

/// <summary>Where a training run is.</summary>
/// <param name="Epoch">The current pass, from 1.</param>
/// <param name="Epochs">All passes.</param>
/// <param name="Step">Steps done, over all passes.</param>
/// <param name="Steps">All steps.</param>
/// <param name="Loss">The mean training loss since the pass began.</param>
/// <param name="TestAccuracy">Percent right on the test split at the end of the pass, else null.</param>
internal sealed record TrainingProgress(int Epoch, int Epochs, int Step, int Steps, double Loss, double? TestAccuracy);

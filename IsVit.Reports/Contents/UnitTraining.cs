namespace IsVit.Reports.Contents;

/// <summary>How a unit was reconstructed.</summary>
/// <param name="Unit">Its path in the model.</param>
/// <param name="Stage">The stage.</param>
/// <param name="LossBefore">The loss before, over the images that are held out.</param>
/// <param name="LossAfter">The loss after.</param>
/// <param name="Iterations">The iterations that were made.</param>
/// <param name="Seconds">The time taken.</param>
/// <param name="Losses">The loss of each iteration, over its images; empty if nobody recorded them.</param>
public sealed record UnitTraining(string Unit, string Stage, double LossBefore, double LossAfter, int Iterations, double Seconds, IReadOnlyList<double> Losses);

namespace IsVit.Optimization.Effort;

/// <summary>An estimate of how long a run will take.</summary>
/// <param name="Total">The duration of the whole run, without scores.</param>
/// <param name="ForwardOfImage">The duration of one image's forward pass through the float model.</param>
public sealed record DurationEstimate(TimeSpan Total, TimeSpan ForwardOfImage);

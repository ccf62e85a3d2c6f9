namespace IsVit.Optimization.Effort;

/// <summary>About how long a run will take.</summary>
/// <param name="Total">The whole run, without scores.</param>
/// <param name="ForwardOfImage">One image's way through the float model.</param>
public sealed record DurationEstimate(TimeSpan Total, TimeSpan ForwardOfImage);

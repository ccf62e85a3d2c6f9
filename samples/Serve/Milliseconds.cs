namespace Serve;

/// <summary>Where the time of a request went, in milliseconds.</summary>
/// <param name="Waiting">For a place to compute, after the image had arrived.</param>
/// <param name="Preparing">Decoding, resizing, normalizing.</param>
/// <param name="Computing">The model.</param>
/// <param name="Total">From the arrived image to the answer.</param>
internal sealed record Milliseconds(double Waiting, double Preparing, double Computing, double Total);

namespace Serve;

/// <summary>What a request is answered.</summary>
/// <param name="Model">"quantized" or "float".</param>
/// <param name="Classes">The most probable first.</param>
/// <param name="Milliseconds">Where the time went.</param>
internal sealed record Answer(string Model, IReadOnlyList<ClassAnswer> Classes, Milliseconds Milliseconds);

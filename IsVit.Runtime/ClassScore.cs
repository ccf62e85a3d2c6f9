namespace IsVit.Runtime;

/// <summary>A class that an image may be of.</summary>
/// <param name="Index">Its place among the outputs.</param>
/// <param name="Name">Its name, or null if the file names no such class.</param>
/// <param name="Probability">The softmax of its output among all, 0 to 1.</param>
public readonly record struct ClassScore(int Index, string? Name, float Probability);

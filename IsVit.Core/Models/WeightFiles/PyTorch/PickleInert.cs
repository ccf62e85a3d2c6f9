namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>An object that is kept as nothing but its name: what a state dict does not need, such as the arguments of a training program.</summary>
/// <param name="Name">The name of its type.</param>
internal sealed record PickleInert(string Name);

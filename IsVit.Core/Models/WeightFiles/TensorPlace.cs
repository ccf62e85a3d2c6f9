namespace IsVit.Core.Models.WeightFiles;

/// <summary>The tensor of a module that a tensor of a source fills: as a whole, or one of several equal parts along its first axis, such as the queries of a layer that computes queries, keys and values.</summary>
/// <param name="Name">The module's name.</param>
/// <param name="Part">The part, from 0.</param>
/// <param name="PartCount">The number of equal parts that the module's tensor has; 1 for the whole.</param>
public sealed record TensorPlace(string Name, int Part = 0, int PartCount = 1);

namespace IsVit.Core.Graph;

/// <summary>A tensor that flowed into a module or out of it while a graph was traced.</summary>
/// <param name="Identity">Which memory it shows.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Bytes">What it takes in memory.</param>
internal readonly record struct SeenTensor(TensorIdentity Identity, IReadOnlyList<long> Shape, long Bytes);

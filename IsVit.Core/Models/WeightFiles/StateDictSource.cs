using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>What is known of a source's tensor before it is read.</summary>
/// <param name="Name">The name.</param>
/// <param name="Type">The type; null where torch has none.</param>
/// <param name="TypeName">The type as files name it.</param>
/// <param name="Shape">The shape.</param>
internal sealed record StateDictSource(string Name, torch.ScalarType? Type, string TypeName, IReadOnlyList<long> Shape);

namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>The elements that tensors are views of.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="ElementType">The element type as safetensors names it.</param>
/// <param name="Count">The number of elements.</param>
internal sealed record TorchStorage(string Key, string ElementType, long Count);

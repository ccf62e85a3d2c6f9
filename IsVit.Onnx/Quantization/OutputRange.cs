namespace IsVit.Onnx.Quantization;

/// <summary>Some of a layer's outputs.</summary>
/// <param name="Name">What its constants are called after.</param>
/// <param name="First">The first output.</param>
/// <param name="Count">How many.</param>
/// <param name="Factor">A power of two that they are multiplied with.</param>
internal readonly record struct OutputRange(string Name, long First, long Count, float Factor = 1);

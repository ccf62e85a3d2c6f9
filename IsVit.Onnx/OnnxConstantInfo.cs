namespace IsVit.Onnx;

/// <summary>A constant of an ONNX file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type as the standard calls it, such as <c>uint4</c>.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Bytes">What its numbers take.</param>
public sealed record OnnxConstantInfo(string Name, string Type, IReadOnlyList<long> Shape, long Bytes);

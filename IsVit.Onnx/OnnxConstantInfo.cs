namespace IsVit.Onnx;

/// <summary>A constant of an ONNX file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type in the notation of the ONNX standard, such as <c>uint4</c>.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Bytes">The size of its data in bytes.</param>
public sealed record OnnxConstantInfo(string Name, string Type, IReadOnlyList<long> Shape, long Bytes);

namespace IsVit.Onnx.Quantization;

/// <summary>An operand as a product reads it.</summary>
/// <param name="Value">Its numbers.</param>
/// <param name="MaxCode">The largest of the codes that a DequantizeLinear with one scale makes them from; null where they come from elsewhere.</param>
internal readonly record struct QuantizedOperand(string Value, int? MaxCode = null);

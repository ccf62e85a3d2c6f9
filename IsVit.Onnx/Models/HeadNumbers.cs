namespace IsVit.Onnx.Models;

/// <summary>An operand of an attention's product.</summary>
/// <param name="Value">Its numbers, [batch, tokens, heads, width] where they are to be arranged.</param>
/// <param name="Arrange">What moves them to where the product reads them; null if they are there.</param>
internal readonly record struct HeadNumbers(string Value, Func<string, string>? Arrange = null);

namespace IsVit.Reports.Contents;

/// <summary>One score of both models, such as top-1 accuracy.</summary>
/// <param name="Name">What is measured, with its unit.</param>
/// <param name="FloatModel">The float model's; null where it has none.</param>
/// <param name="QuantizedModel">The quantized model's.</param>
public sealed record ScoreRow(string Name, double? FloatModel, double? QuantizedModel);

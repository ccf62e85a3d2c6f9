namespace IsVit.Reports.Contents;

/// <summary>How much a model's outputs change when one site is quantized with so many bits.</summary>
/// <param name="Bits">The bits.</param>
/// <param name="Divergence">How far the outputs are from the float model's.</param>
/// <param name="IsMeasured">Whether the model was run with it; otherwise it is estimated from derivatives.</param>
public sealed record BitsDivergence(int Bits, double Divergence, bool IsMeasured);

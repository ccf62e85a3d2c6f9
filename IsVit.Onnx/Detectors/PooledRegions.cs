namespace IsVit.Onnx.Detectors;

/// <summary>What a head reads of regions, level by level: its small results are brought back into the order of the regions rather than these features.</summary>
/// <param name="Features">[regions, channels, side, side].</param>
/// <param name="Order">[regions], Int64: which region each of them is of; null where they are in order.</param>
/// <param name="Places">[regions], Int64: where each region's features are; null where they are in order.</param>
internal readonly record struct PooledRegions(string Features, string? Order, string? Places);

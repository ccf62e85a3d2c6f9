using IsVit.Model;
using IsVit.Model.Quantization;

namespace IsVit.Optimization;

/// <summary>A site of a saved model.</summary>
/// <param name="Site">The site.</param>
/// <param name="Scheme">The quantizer's scheme.</param>
/// <param name="Bits">The bits of a code.</param>
/// <param name="Granularity">Which numbers share parameters.</param>
/// <param name="Shape">A weight's shape; null for an activation.</param>
/// <param name="Bytes">What a weight's codes take in the file; 0 for an activation.</param>
public sealed record QuantizedSiteInfo(Site Site, string Scheme, BitWidth Bits, Granularity Granularity, IReadOnlyList<long>? Shape, long Bytes);

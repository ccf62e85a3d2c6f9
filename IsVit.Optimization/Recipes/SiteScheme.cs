using IsVit.Core.Quantization;

namespace IsVit.Optimization.Recipes;

/// <summary>The kind of quantizer that sites of one role get; their bits come from the options.</summary>
/// <param name="Scheme">The quantizer's scheme.</param>
/// <param name="Granularity">Which elements share parameters.</param>
public sealed record SiteScheme(string Scheme, Granularity Granularity);

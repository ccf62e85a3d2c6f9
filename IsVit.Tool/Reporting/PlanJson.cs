using System.Text.Json.Serialization;

namespace IsVit.Tool.Reporting;

/// <summary>What <c>quantize --dry-run --json</c> writes: what a run would do. What depends on the machine is estimated.</summary>
/// <param name="Model">The model's name in the catalogue.</param>
/// <param name="Method">The recipe.</param>
/// <param name="Budget">What the sites' bits may cost; null where all get the same.</param>
/// <param name="Sites">Sites with quantizers, by kind.</param>
/// <param name="FloatSites">How many sites stay in float.</param>
/// <param name="Stages">The stages, in order.</param>
/// <param name="Units">How many units a stage of reconstruction has.</param>
/// <param name="Seconds">The time of the run on this machine.</param>
/// <param name="PeakMemoryMb">The most resident memory, in 10^6 bytes.</param>
/// <param name="ActivationBytes">Of that, what is kept of activations of the largest unit.</param>
/// <param name="ModelBytes">The length of the quantized model's file; null where a budget has yet to choose bits.</param>
/// <param name="FloatBytes">The float model's parameters.</param>
internal sealed record PlanJson(
    string Model,
    string Method,
    string? Budget,
    IReadOnlyList<PlannedSitesJson> Sites,
    int FloatSites,
    IReadOnlyList<PlannedStageJson> Stages,
    int Units,
    double Seconds,
    double PeakMemoryMb,
    long ActivationBytes,
    long? ModelBytes,
    long FloatBytes);

/// <summary>Sites of one kind in <see cref="PlanJson"/>.</summary>
/// <param name="Role">What kind of tensor they are.</param>
/// <param name="Quantizer">The scheme of their quantizers.</param>
/// <param name="Granularity">What shares a set of parameters.</param>
/// <param name="Bits">Their bits.</param>
/// <param name="Count">How many there are.</param>
internal sealed record PlannedSitesJson(string Role, string Quantizer, string Granularity, int Bits, int Count);

/// <summary>A stage in <see cref="PlanJson"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Iterations">All its steps; 0 if it has none that are counted.</param>
internal sealed record PlannedStageJson(string Name, long Iterations);

/// <summary>Serializes <see cref="PlanJson"/> without reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PlanJson))]
internal sealed partial class PlanJsonContext : JsonSerializerContext;

using System.Text.Json.Serialization;

namespace IsVit.Tool.Progress;

/// <summary>A line of <c>--progress json</c>.</summary>
/// <param name="Progress">What the work is.</param>
/// <param name="Stage">The part of the work.</param>
/// <param name="Unit">What is being worked on.</param>
/// <param name="Fraction">The part that is done, 0 to 1.</param>
/// <param name="Loss">The current loss, or null where there is none.</param>
/// <param name="RemainingSeconds">The time left, or null if it is not known yet.</param>
internal sealed record ProgressLine(string Progress, string Stage, string Unit, double Fraction, double? Loss, double? RemainingSeconds);

/// <summary>Serializes <see cref="ProgressLine"/> without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ProgressLine))]
internal sealed partial class ProgressLineContext : JsonSerializerContext;

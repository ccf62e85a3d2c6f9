using System.Text.Json.Serialization;
using IsVit.Reports.Contents;

namespace IsVit.Reports;

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ModelReport))]
[JsonSerializable(typeof(ReportComparison))]
[JsonSerializable(typeof(SweepReport))]
internal sealed partial class ReportJsonContext : JsonSerializerContext;

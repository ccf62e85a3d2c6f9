using System.Text.Json.Serialization;
using IsVit.Reports.Contents;

namespace IsVit.Tool.Reporting;

/// <summary>What <c>--json</c> writes: one object. Accuracies are percent; a figure that was not measured is null.</summary>
/// <param name="Model">The model's name in the catalogue.</param>
/// <param name="Method">The recipe.</param>
/// <param name="WeightBits">Bits of weights.</param>
/// <param name="ActivationBits">Bits of activations.</param>
/// <param name="Seed">The seed.</param>
/// <param name="FloatTop1">The float model's top-1 accuracy.</param>
/// <param name="FloatTop5">The float model's top-5 accuracy.</param>
/// <param name="Top1">The quantized model's top-1 accuracy.</param>
/// <param name="Top5">The quantized model's top-5 accuracy.</param>
/// <param name="LogitsMse">The mean squared difference of the logits from the float model's.</param>
/// <param name="Stages">Each stage, in order.</param>
/// <param name="Units">Each unit of each reconstruction, in order.</param>
/// <param name="CalibrationSeconds">The time of the range searches.</param>
/// <param name="TotalSeconds">The time of the whole run, decoding and evaluating included.</param>
/// <param name="PeakMemoryMb">The most resident memory, in 10^6 bytes.</param>
/// <param name="ModelBytes">The length of the quantized model's file.</param>
/// <param name="FloatBytes">The float model's parameters.</param>
internal sealed record QuantizationJson(
    string Model,
    string Method,
    int? WeightBits,
    int? ActivationBits,
    int? Seed,
    double? FloatTop1,
    double? FloatTop5,
    double? Top1,
    double? Top5,
    double? LogitsMse,
    IReadOnlyList<StageJson> Stages,
    IReadOnlyList<UnitJson> Units,
    double CalibrationSeconds,
    double TotalSeconds,
    double PeakMemoryMb,
    long ModelBytes,
    long FloatBytes)
{
    /// <summary>What the sites' bits may cost, where they differ.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Budget { get; init; }

    /// <summary>The mean bits of the weights' numbers, where sites differ.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? MeanWeightBits { get; init; }

    /// <summary>The mean bits of the activations' numbers, where sites differ.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? MeanActivationBits { get; init; }

    /// <summary>The sites' bits, where they differ.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<SiteBitsJson>? Sites { get; init; }

    /// <summary>What it takes to repeat the run: inputs with their hashes, options and surroundings.</summary>
    public IReadOnlyList<ReportFact> Run { get; init; } = [];

    /// <summary>A detector's scores; its accuracies are null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DetectionJson? Detection { get; init; }
}

/// <summary>A site in <see cref="QuantizationJson"/>.</summary>
/// <param name="Site">Its identifier.</param>
/// <param name="Bits">Its bits.</param>
internal sealed record SiteBitsJson(string Site, int Bits);

/// <summary>A stage in <see cref="QuantizationJson"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Seconds">Its time, without evaluating.</param>
/// <param name="Top1">The model's top-1 accuracy after it.</param>
internal sealed record StageJson(string Name, double Seconds, double? Top1)
{
    /// <summary>The average precision of a detector's boxes after it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonPropertyName("boxAP")]
    public double? BoxAP { get; init; }

    /// <summary>The average precision of a detector's masks after it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonPropertyName("maskAP")]
    public double? MaskAP { get; init; }
}

/// <summary>A unit in <see cref="QuantizationJson"/>.</summary>
/// <param name="Name">Its path in the model.</param>
/// <param name="Stage">The stage.</param>
/// <param name="LossBefore">The loss before.</param>
/// <param name="LossAfter">The loss after.</param>
/// <param name="Iterations">The steps made.</param>
/// <param name="Seconds">The time taken.</param>
internal sealed record UnitJson(string Name, string Stage, double LossBefore, double LossAfter, int Iterations, double Seconds);

/// <summary>Serializes <see cref="QuantizationJson"/> without reflection. JSON has no NaN or infinity; they become the strings that .NET names them by.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(QuantizationJson))]
internal sealed partial class QuantizationJsonContext : JsonSerializerContext;

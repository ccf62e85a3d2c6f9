using System.Diagnostics;
using System.Diagnostics.Metrics;
using IsVit.Optimization.Reporting;

namespace IsVit.Optimization.Telemetry;

/// <summary>
/// The metrics (<see cref="System.Diagnostics.Metrics"/>) and traces (<see cref="ActivitySource"/>) of runs and predictions, under one name. Without a listener nothing is measured and nothing is allocated.
/// </summary>
/// <remarks>
/// Instruments: <c>isvit.steps</c> {step} and <c>isvit.step.images</c> {image}, tagged <c>stage</c>; <c>isvit.unit.duration</c> s and <c>isvit.unit.loss</c> (after the unit's reconstruction), tagged
/// <c>stage</c> and <c>unit</c>; <c>isvit.predictions</c> {image} and <c>isvit.prediction.duration</c> s. Activities: <c>isvit.quantize</c>, with <c>isvit.stage</c> inside it and <c>isvit.unit</c> inside that.
/// </remarks>
public static class QuantizationTelemetry
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "IsVit";

    private const string StageTag = "stage";
    private const string UnitTag = "unit";

    private static readonly ActivitySource s_source = new(Name);
    private static readonly Meter s_meter = new(Name);
    private static readonly Counter<long> s_steps = s_meter.CreateCounter<long>("isvit.steps", "{step}", "Steps of the optimizer.");
    private static readonly Counter<long> s_images = s_meter.CreateCounter<long>("isvit.step.images", "{image}", "Images and views that steps were taken on.");
    private static readonly Histogram<double> s_unitDuration = s_meter.CreateHistogram<double>("isvit.unit.duration", "s", "How long a unit's reconstruction took.");
    private static readonly Histogram<double> s_unitLoss = s_meter.CreateHistogram<double>("isvit.unit.loss", null, "The loss of a unit after its reconstruction.");
    private static readonly Counter<long> s_predictions = s_meter.CreateCounter<long>("isvit.predictions", "{image}", "Images that a quantized model answered.");
    private static readonly Histogram<double> s_predictionDuration = s_meter.CreateHistogram<double>("isvit.prediction.duration", "s", "How long an answer to a batch took.");

    internal static Activity? StartRun(string recipe, int weightBits, int activationBits) =>
        s_source.StartActivity("isvit.quantize")?.SetTag("recipe", recipe).SetTag("weight_bits", weightBits).SetTag("activation_bits", activationBits);

    internal static Activity? StartStage(string stage) => s_source.StartActivity("isvit.stage")?.SetTag(StageTag, stage);

    internal static Activity? StartUnit(string stage, string unit) => s_source.StartActivity("isvit.unit")?.SetTag(StageTag, stage).SetTag(UnitTag, unit);

    internal static void Step(string stage, int images)
    {
        if (s_steps.Enabled || s_images.Enabled)
        {
            var tag = new KeyValuePair<string, object?>(StageTag, stage);
            s_steps.Add(1, tag);
            s_images.Add(images, tag);
        }
    }

    internal static void Unit(UnitResult unit)
    {
        if (s_unitDuration.Enabled || s_unitLoss.Enabled)
        {
            var tags = new TagList { { StageTag, unit.Stage }, { UnitTag, unit.Unit } };
            s_unitDuration.Record(unit.Duration.TotalSeconds, tags);
            s_unitLoss.Record(unit.LossAfter, tags);
        }
    }

    /// <summary>When a prediction begins; 0 if nobody listens.</summary>
    internal static long BeginPrediction() => s_predictions.Enabled || s_predictionDuration.Enabled ? Stopwatch.GetTimestamp() : 0;

    /// <param name="begun">What <see cref="BeginPrediction"/> gave.</param>
    /// <param name="images">How many images the batch had.</param>
    internal static void EndPrediction(long begun, long images)
    {
        if (begun != 0)
        {
            s_predictions.Add(images);
            s_predictionDuration.Record(Stopwatch.GetElapsedTime(begun).TotalSeconds);
        }
    }
}

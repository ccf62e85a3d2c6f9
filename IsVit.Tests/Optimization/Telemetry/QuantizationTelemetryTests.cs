using System.Diagnostics;
using System.Diagnostics.Metrics;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Telemetry;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Telemetry;

/// <summary>Listeners hear of the whole process's runs, so that nothing may run beside these tests.</summary>
[CollectionDefinition(nameof(QuantizationTelemetryTests), DisableParallelization = true)]
[Collection(nameof(QuantizationTelemetryTests))]
public sealed class QuantizationTelemetryTests
{
    [Fact]
    public void Quantize_WithListeners_StepsUnitsAndActivitiesAreThoseOfTheReport()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        var losses = new List<(object? Stage, object? Unit, double Loss)>();
        using var meters = Listen((instrument, value, tags) =>
        {
            sums[instrument] = sums.GetValueOrDefault(instrument) + value;
            if (instrument == "isvit.unit.loss")
            {
                var found = tags.ToArray().ToDictionary(static tag => tag.Key, static tag => tag.Value, StringComparer.Ordinal);
                losses.Add((found["stage"], found["unit"], value));
            }
        });
        var ended = new List<Activity>();
        using var activities = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == QuantizationTelemetry.Name,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = ended.Add,
        };
        ActivitySource.AddActivityListener(activities);

        using var quantized = Micro.Quantizer(static options => (options.WeightBits, options.OutputTuning.Steps) = (3, 2)).Run(model, Micro.Images());
        quantized.Predict(Micro.Images(7, 5));
        quantized.Predict(Micro.Images(8, 3));

        var units = quantized.Report!.Units;
        Assert.Equal(units.Sum(static unit => unit.Iterations), sums["isvit.steps"]);
        Assert.Equal(8 * units.Sum(static unit => unit.Iterations), sums["isvit.step.images"]);
        Assert.Equal(units.Sum(static unit => unit.Duration.TotalSeconds), sums["isvit.unit.duration"], 1e-9);
        Assert.Equal(units.Select(static unit => ((object?)unit.Stage, (object?)unit.Unit, unit.LossAfter)), losses);
        Assert.Equal(8, sums["isvit.predictions"]);
        Assert.True(sums["isvit.prediction.duration"] > 0);

        var run = ended[^1];
        Assert.Equal(("isvit.quantize", RecipeNames.ISVit, 3, 4), (run.OperationName, run.GetTagItem("recipe"), run.GetTagItem("weight_bits"), run.GetTagItem("activation_bits")));
        var stages = ended.Where(static activity => activity.OperationName == "isvit.stage").ToList();
        Assert.Equal(quantized.Report.Stages.Select(static stage => (object?)stage.Name), stages.Select(static stage => stage.GetTagItem("stage")));
        Assert.All(stages, stage => Assert.Equal(run.SpanId, stage.ParentSpanId));
        var inside = ended.Where(static activity => activity.OperationName == "isvit.unit").ToList();
        Assert.Equal(units.Select(static unit => ((object?)unit.Stage, (object?)unit.Unit)), inside.Select(static unit => (unit.GetTagItem("stage"), unit.GetTagItem("unit"))));
        Assert.All(inside, unit => Assert.Equal(unit.GetTagItem("stage"), stages.Single(stage => stage.SpanId == unit.ParentSpanId).GetTagItem("stage")));
    }

    [Fact]
    public void Calls_WithoutListeners_AllocateNothing()
    {
        void Call()
        {
            QuantizationTelemetry.StartRun("isvit", 4, 4)?.Dispose();
            QuantizationTelemetry.StartStage(StageNames.WeightReconstruction)?.Dispose();
            QuantizationTelemetry.StartUnit(StageNames.WeightReconstruction, "blocks.0")?.Dispose();
            QuantizationTelemetry.Step(StageNames.WeightReconstruction, 32);
            QuantizationTelemetry.EndPrediction(QuantizationTelemetry.BeginPrediction(), 32);
        }

        Call();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            Call();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static MeterListener Listen(Action<string, double, ReadOnlySpan<KeyValuePair<string, object?>>> seen)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == QuantizationTelemetry.Name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => seen(instrument.Name, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => seen(instrument.Name, value, tags));
        listener.Start();
        return listener;
    }
}

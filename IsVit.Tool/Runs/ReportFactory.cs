using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Reporting;
using IsVit.Tool.Workloads;

namespace IsVit.Tool.Runs;

/// <summary>Puts a run's figures together.</summary>
internal static class ReportFactory
{
    /// <summary>The report of a quantization.</summary>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="name">What the model is called.</param>
    /// <param name="run">What the engine reported.</param>
    /// <param name="reference">The float model's figures, or null without test images.</param>
    /// <param name="result">The quantized model's figures.</param>
    /// <param name="duration">The time of the whole run.</param>
    /// <param name="modelBytes">The length of the quantized model's file.</param>
    /// <param name="floatBytes">The float model's parameters.</param>
    /// <param name="stages">The model's figures after each stage; none if they were not measured.</param>
    /// <param name="allocation">The sites' bits, or null where all have the same.</param>
    public static QuantizationJson Create(
        QuantizeArguments arguments,
        string name,
        QuantizationReport run,
        EvaluationResult? reference,
        EvaluationResult result,
        TimeSpan duration,
        long modelBytes,
        long floatBytes,
        IReadOnlyList<EvaluationResult> stages,
        BitAllocation? allocation) => new(
            name,
            arguments.Method,
            run.WeightBits,
            run.ActivationBits,
            run.Seed,
            reference?.Top1,
            reference?.Top5,
            result.Top1,
            result.Top5,
            result.LogitsMse,
            [.. run.Stages.Select((stage, i) => Stage(stage, stages.ElementAtOrDefault(i)))],
            [.. run.Units.Select(static u => new UnitJson(u.Unit, u.Stage, u.LossBefore, u.LossAfter, u.Iterations, u.Duration.TotalSeconds))],
            run.Stages.Where(static s => s.Name is StageNames.ActivationCalibration or StageNames.WeightCalibration).Sum(static s => s.Duration.TotalSeconds),
            duration.TotalSeconds,
            PeakMemory.Megabytes(),
            modelBytes,
            floatBytes)
        {
            Budget = allocation?.Budget.ToString(),
            MeanWeightBits = allocation?.MeanWeightBits,
            MeanActivationBits = allocation?.MeanActivationBits,
            Sites = allocation is null ? null : [.. allocation.Sites.Select(static site => new SiteBitsJson(site.Site.Site.Id, site.Bits))],
        };

    private static StageJson Stage(StageResult stage, EvaluationResult? result) => new(stage.Name, stage.Duration.TotalSeconds, result?.Top1) { BoxAP = result?.Detection?.BoxAP, MaskAP = result?.Detection?.MaskAP };
}

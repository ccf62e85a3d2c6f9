using Microsoft.Extensions.Logging;

namespace IsVit.Optimization.Reporting;

/// <summary>The events that a run logs.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Quantizing with recipe {Recipe}, W{WeightBits}A{ActivationBits}: {SiteCount} sites, {UnitCount} units, {ImageCount} images")]
    public static partial void RunStarted(ILogger logger, string recipe, int weightBits, int activationBits, int siteCount, int unitCount, long imageCount);

    [LoggerMessage(2, LogLevel.Information, "Stage {Stage} took {Duration}")]
    public static partial void StageCompleted(ILogger logger, string stage, TimeSpan duration);

    [LoggerMessage(3, LogLevel.Information, "{Stage} {Unit}: loss {LossBefore:g4} -> {LossAfter:g4} in {Iterations} steps, {Duration} ({StopReason})")]
    public static partial void UnitReconstructed(ILogger logger, string stage, string unit, double lossBefore, double lossAfter, int iterations, TimeSpan duration, StopReason stopReason);

    [LoggerMessage(4, LogLevel.Information, "{Stage} keeps up to {CacheMiB} MiB of activations (unit {Unit}); allowed are {BudgetMiB} MiB")]
    public static partial void CacheSize(ILogger logger, string stage, long cacheMiB, string unit, long budgetMiB);

    [LoggerMessage(5, LogLevel.Information, "Reparameterized {Norm}: {ChannelCount} channels, {ConstantCount} of them constant")]
    public static partial void Reparameterized(ILogger logger, string norm, long channelCount, int constantCount);

    [LoggerMessage(6, LogLevel.Warning, "The run was stopped; the model is as it was before")]
    public static partial void RunAbandoned(ILogger logger, Exception exception);

    [LoggerMessage(7, LogLevel.Warning, "Fused CUDA kernels are not available, separate tensor operations serve: {Reason}")]
    public static partial void CudaKernelsUnavailable(ILogger logger, string reason);

    [LoggerMessage(8, LogLevel.Warning, "{LayerCount} layers are pruned, most of all {Layer} ({Share:p0} of its weights are 0); not all zeros will stay. Options.Sparsity = Keep keeps them")]
    public static partial void ZerosMayBeLost(ILogger logger, int layerCount, string layer, double share);

    [LoggerMessage(20, LogLevel.Warning, "{ImageCount} images are unlike the calibration images: {DriftedCount} of {SiteCount} sites exceed what is normal, most of all {Sites}")]
    public static partial void ImagesDrifted(ILogger logger, int imageCount, int driftedCount, int siteCount, string sites);

    [LoggerMessage(10, LogLevel.Warning, "{Stage} left {Unit} as it was: the loss became infinite or no number after {Iterations} iterations")]
    public static partial void UnitDiverged(ILogger logger, string stage, string unit, int iterations);

    [LoggerMessage(11, LogLevel.Warning, "Recipe {Recipe} has quantized nothing: none of its stages has calibrated a quantizer")]
    public static partial void NothingQuantized(ILogger logger, string recipe);

    [LoggerMessage(9, LogLevel.Information, "Looked at the sensitivity of {SiteCount} sites on {ImageCount} images in {Duration}")]
    public static partial void SensitivityMeasured(ILogger logger, int siteCount, int imageCount, TimeSpan duration);
}

using IsVit.Optimization.Reporting;

namespace IsVit.Tests.Optimization;

/// <summary>Keeps every report, and lets a test act on one.</summary>
internal sealed class RecordingProgress(Action<QuantizationProgress>? onReport = null) : IProgress<QuantizationProgress>
{
    public List<QuantizationProgress> Reports { get; } = [];

    /// <summary>The losses of all steps of all units and stages. Unlike the weights that are kept, they depend on how steps are computed even where no loss falls.</summary>
    public double?[] StepLosses => [.. Reports.Select(static report => report.Loss).Where(static loss => loss is not null)];

    public void Report(QuantizationProgress value)
    {
        Reports.Add(value);
        onReport?.Invoke(value);
    }
}

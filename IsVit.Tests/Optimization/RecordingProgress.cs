using IsVit.Optimization;

namespace IsVit.Tests.Optimization;

/// <summary>Keeps every report, and lets a test act on one.</summary>
internal sealed class RecordingProgress(Action<QuantizationProgress>? onReport = null) : IProgress<QuantizationProgress>
{
    public List<QuantizationProgress> Reports { get; } = [];

    public void Report(QuantizationProgress value)
    {
        Reports.Add(value);
        onReport?.Invoke(value);
    }
}

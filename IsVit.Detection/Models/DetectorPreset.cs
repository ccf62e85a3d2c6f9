using IsVit.Detection.Imaging;

namespace IsVit.Detection.Models;

/// <summary>A named detector: its shape, and how its images are prepared.</summary>
/// <param name="Name">The name.</param>
/// <param name="Options">The shape.</param>
/// <param name="Preprocessing">How images are preprocessed to its input.</param>
public sealed record DetectorPreset(string Name, DetectorOptions Options, DetectorPreprocessing Preprocessing)
{
    /// <summary>Creates the detector with random weights (from torch's default generator).</summary>
    /// <param name="classCount">The number of classes, or null for the preset's.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="classCount"/> is below 1.</exception>
    public Detector Create(int? classCount = null) => (classCount is { } count ? Options with { ClassCount = count } : Options).Create();
}

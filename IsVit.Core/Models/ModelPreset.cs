using IsVit.Model.Architectures;
using IsVit.Model.Imaging;

namespace IsVit.Core.Models;

/// <summary>A named model: its shape, and how its images are prepared.</summary>
/// <param name="Name">The name, as in timm.</param>
/// <param name="Options">The shape.</param>
/// <param name="Preprocessing">How images are preprocessed to its input.</param>
public sealed record ModelPreset(string Name, ModelOptions Options, ImagePreprocessing Preprocessing)
{
    /// <summary>Creates the model with random weights.</summary>
    /// <param name="classCount">The number of classes, or null for the preset's.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="classCount"/> is below 1.</exception>
    public ImageClassifier Create(int? classCount = null) =>
        (classCount is { } count ? Options with { ClassCount = count } : Options).Create();
}

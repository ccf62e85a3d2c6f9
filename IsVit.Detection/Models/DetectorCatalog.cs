using IsVit.Core.Models;
using IsVit.Detection.Imaging;

namespace IsVit.Detection.Models;

/// <summary>The named detectors: Mask R-CNN and Cascade Mask R-CNN with the Swin backbones of the paper (Liu et al., arXiv 2103.14030, table 2), in the shapes of their published configurations for COCO, and the small one of the demonstration.</summary>
public static class DetectorCatalog
{
    /// <summary>The name of the detector of the demonstration: scenes of 128 x 128 pixels composed from Fashion-MNIST, ten classes.</summary>
    public const string Demo = "swin_micro_mask_rcnn";

    /// <summary>How composed scenes are prepared: as they are, normalized by one mean and one deviation.</summary>
    public static DetectorPreprocessing ScenePreprocessing { get; } = new() { ShortSide = 128, LongSide = 128, Mean = [127.5, 127.5, 127.5], Std = [64, 64, 64] };

    private static readonly Dictionary<string, DetectorPreset> Presets = List().ToDictionary(static preset => preset.Name, StringComparer.Ordinal);

    /// <summary>Every detector, in a fixed order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. List().Select(static preset => preset.Name)];

    /// <summary>Finds a detector by its name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">No detector has that name; the message lists the existing names, closest first.</exception>
    public static DetectorPreset Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Presets.TryGetValue(name, out var preset)
            ? preset
            : throw new ArgumentException($"There is no detector '{name}'. Closest first, there are: {string.Join(", ", ModelCatalog.ClosestFirst(Names, name))}.", nameof(name));
    }

    /// <summary>Creates a detector with random weights (from torch's default generator).</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="classCount">The number of classes, or null for the detector's own (80; 10 for the demonstration's).</param>
    /// <exception cref="ArgumentException">No detector has that name.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="classCount"/> is below 1.</exception>
    public static Detector Create(string name, int? classCount = null) => Find(name).Create(classCount);

    private static IEnumerable<DetectorPreset> List()
    {
        var coco = new DetectorPreprocessing();
        var tiny = new SwinBackboneOptions();
        var small = tiny with { Depths = [2, 2, 18, 2] };
        yield return new("mask_rcnn_swin_tiny", new MaskRcnnOptions { Backbone = tiny }, coco);
        yield return new("mask_rcnn_swin_small", new MaskRcnnOptions { Backbone = small }, coco);
        yield return new("cascade_mask_rcnn_swin_tiny", new CascadeMaskRcnnOptions { Backbone = tiny }, coco);
        yield return new("cascade_mask_rcnn_swin_small", new CascadeMaskRcnnOptions { Backbone = small }, coco);
        yield return new(Demo, new MaskRcnnOptions
        {
            // Sides of 32, 16 and 8 tokens are whole windows of 8.
            Backbone = new() { EmbedDim = 32, Depths = [2, 2, 2], HeadCounts = [2, 4, 8], WindowSize = 8, DropPathRate = 0 },
            ClassCount = 10,
            PyramidChannels = 48,
            AnchorScale = 5,
            AnchorsPerLevel = 200,
            ProposalCount = 100,
            FinestScale = 32,
            BoxHeadWidth = 96,
            MaskConvolutions = 2,
            MaskChannels = 32,
            DetectionCount = 50,
        }, ScenePreprocessing);
    }
}

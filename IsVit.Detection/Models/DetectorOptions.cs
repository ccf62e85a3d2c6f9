namespace IsVit.Detection.Models;

/// <summary>What detectors of two stages have in common: a Swin backbone, a feature pyramid, a region proposal network, and heads for regions. The defaults are those of MMDetection's configurations for COCO.</summary>
public abstract record DetectorOptions
{
    private protected DetectorOptions()
    {
    }

    /// <summary>The backbone, which has a feature map for each of its layers.</summary>
    public SwinBackboneOptions Backbone { get; init; } = new();

    /// <summary>The number of object classes, without the background.</summary>
    public int ClassCount { get; init; } = 80;

    /// <summary>The number of channels of every level of the pyramid.</summary>
    public int PyramidChannels { get; init; } = 256;

    /// <summary>Side of a square anchor as a multiple of its level's stride.</summary>
    public double AnchorScale { get; init; } = 8;

    /// <summary>Heights over widths of the anchors at a cell.</summary>
    public IReadOnlyList<double> AnchorRatios { get; init; } = [0.5, 1, 2];

    /// <summary>The number of best anchors of each level that take part in non-maximum suppression.</summary>
    public int AnchorsPerLevel { get; init; } = 1000;

    /// <summary>The overlap (IoU) above which the worse of two proposals of one level is removed.</summary>
    public double ProposalOverlap { get; init; } = 0.7;

    /// <summary>The largest number of proposals per image.</summary>
    public int ProposalCount { get; init; } = 1000;

    /// <summary>Side in pixels below twice which a region is pooled from the finest level.</summary>
    public double FinestScale { get; init; } = 56;

    /// <summary>Side in bins of what a box head reads of a region.</summary>
    public int BoxFeatureSize { get; init; } = 7;

    /// <summary>Output width of a box head's fully connected layers.</summary>
    public int BoxHeadWidth { get; init; } = 1024;

    /// <summary>Side in bins of what a mask head reads of a region; its masks have twice that side.</summary>
    public int MaskFeatureSize { get; init; } = 14;

    /// <summary>The number of 3 x 3 convolutions of a mask head before the upsampling.</summary>
    public int MaskConvolutions { get; init; } = 4;

    /// <summary>The number of channels of a mask head's convolutions.</summary>
    public int MaskChannels { get; init; } = 256;

    /// <summary>The score that a detection must exceed.</summary>
    public double ScoreThreshold { get; init; } = 0.05;

    /// <summary>The overlap (IoU) above which the worse of two detections of one class is removed.</summary>
    public double DetectionOverlap { get; init; } = 0.5;

    /// <summary>The largest number of detections per image.</summary>
    public int DetectionCount { get; init; } = 100;

    /// <summary>The probability from which on a pixel belongs to a mask.</summary>
    public double MaskThreshold { get; init; } = 0.5;

    /// <summary>Pixels per cell of each level of the pyramid, the last of which is a subsampling of the one before.</summary>
    internal IReadOnlyList<int> Strides => [.. Enumerable.Range(0, Backbone.Depths.Count + 1).Select(Backbone.StrideOf)];

    /// <summary>Creates the detector with random weights (from torch's default generator).</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public abstract Detector Create();

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range; the message contains its name, value and range.</exception>
    public virtual void Validate()
    {
        OptionCheck.Require(Backbone is not null, nameof(Backbone), null, "a backbone");
        Backbone!.Validate();
        OptionCheck.AtLeast(ClassCount, 1, nameof(ClassCount));
        OptionCheck.AtLeast(PyramidChannels, 1, nameof(PyramidChannels));
        OptionCheck.Require(AnchorScale > 0 && double.IsFinite(AnchorScale), nameof(AnchorScale), AnchorScale, "above 0");
        OptionCheck.Require(AnchorRatios is { Count: > 0 } && AnchorRatios.All(static ratio => ratio > 0 && double.IsFinite(ratio)), nameof(AnchorRatios), OptionCheck.Text(AnchorRatios), "one or more numbers above 0");
        OptionCheck.AtLeast(AnchorsPerLevel, 1, nameof(AnchorsPerLevel));
        OptionCheck.Fraction(ProposalOverlap, nameof(ProposalOverlap));
        OptionCheck.AtLeast(ProposalCount, 1, nameof(ProposalCount));
        OptionCheck.Require(FinestScale > 0 && double.IsFinite(FinestScale), nameof(FinestScale), FinestScale, "above 0");
        OptionCheck.AtLeast(BoxFeatureSize, 1, nameof(BoxFeatureSize));
        OptionCheck.AtLeast(BoxHeadWidth, 1, nameof(BoxHeadWidth));
        OptionCheck.AtLeast(MaskFeatureSize, 1, nameof(MaskFeatureSize));
        OptionCheck.AtLeast(MaskConvolutions, 1, nameof(MaskConvolutions));
        OptionCheck.AtLeast(MaskChannels, 1, nameof(MaskChannels));
        OptionCheck.Fraction(ScoreThreshold, nameof(ScoreThreshold));
        OptionCheck.Fraction(DetectionOverlap, nameof(DetectionOverlap));
        OptionCheck.AtLeast(DetectionCount, 1, nameof(DetectionCount));
        OptionCheck.Fraction(MaskThreshold, nameof(MaskThreshold));
    }
}

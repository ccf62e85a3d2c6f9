namespace IsVit.Detection.Models;

/// <summary>Mask R-CNN (He et al., arXiv 1703.06870) with a Swin backbone, as in MMDetection.</summary>
public sealed class MaskRcnn : Detector
{
    private readonly RoiHead roi_head;

    /// <summary>Creates a detector with random weights (from torch's default generator), on the CPU, in float32.</summary>
    /// <param name="options">The detector's shape.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public MaskRcnn(MaskRcnnOptions options)
        : base(nameof(MaskRcnn), options)
    {
        roi_head = new RoiHead(
            new BoxHead(options.PyramidChannels, options.BoxFeatureSize, convolutions: 0, channels: 0, linears: 2, options.BoxHeadWidth, options.ClassCount, options.BoxDeviations),
            new MaskHead(options.PyramidChannels, options.MaskConvolutions, options.MaskChannels, options.ClassCount));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<BoxHead> BoxHeads => [roi_head.Box];

    /// <inheritdoc/>
    public override IReadOnlyList<MaskHead> MaskHeads => [roi_head.Mask];

    private protected override IEnumerable<string> HeadPaths(string kind) => [$"roi_head.{kind}"];
}

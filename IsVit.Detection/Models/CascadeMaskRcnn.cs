namespace IsVit.Detection.Models;

/// <summary>
/// Cascade Mask R-CNN (Cai and Vasconcelos, arXiv 1906.09756) with a Swin backbone, as in MMDetection: each stage corrects the boxes of the one before; the stages' logits, and the probabilities of their masks, are averaged.
/// </summary>
public sealed class CascadeMaskRcnn : Detector
{
    private readonly CascadeRoiHead roi_head;

    /// <summary>Creates a detector with random weights (from torch's default generator), on the CPU, in float32.</summary>
    /// <param name="options">The detector's shape.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public CascadeMaskRcnn(CascadeMaskRcnnOptions options)
        : base(nameof(CascadeMaskRcnn), options)
    {
        roi_head = new CascadeRoiHead(
            [.. options.StageDeviations.Select(deviations => new BoxHead(options.PyramidChannels, options.BoxFeatureSize, options.BoxConvolutions, options.BoxChannels, linears: 1, options.BoxHeadWidth, options.ClassCount, deviations))],
            [.. options.StageDeviations.Select(_ => new MaskHead(options.PyramidChannels, options.MaskConvolutions, options.MaskChannels, options.ClassCount))]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<BoxHead> BoxHeads => roi_head.Boxes;

    /// <inheritdoc/>
    public override IReadOnlyList<MaskHead> MaskHeads => roi_head.Masks;

    private protected override IEnumerable<string> HeadPaths(string kind) => [$"roi_head.{kind}.*"];
}

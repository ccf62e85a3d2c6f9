namespace IsVit.Detection.Models;

/// <summary>The shape of a Mask R-CNN (He et al., arXiv 1703.06870). The defaults are those of MMDetection's <c>mask_rcnn_swin_tiny</c>.</summary>
public sealed record MaskRcnnOptions : DetectorOptions
{
    /// <summary>Standard deviations by which differences dx, dy, dw, dh are normalized.</summary>
    public IReadOnlyList<double> BoxDeviations { get; init; } = [0.1, 0.1, 0.2, 0.2];

    /// <inheritdoc/>
    public override MaskRcnn Create() => new(this);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        BoxHead.RequireDeviations(BoxDeviations, nameof(BoxDeviations));
    }
}

namespace IsVit.Detection.Models;

/// <summary>The shape of a Cascade Mask R-CNN (Cai and Vasconcelos, arXiv 1906.09756) as trained with Swin backbones. The defaults are those of MMDetection's <c>cascade_mask_rcnn_swin_tiny</c>.</summary>
public sealed record CascadeMaskRcnnOptions : DetectorOptions
{
    /// <summary>For each stage, the standard deviations by which its differences dx, dy, dw, dh are normalized.</summary>
    public IReadOnlyList<IReadOnlyList<double>> StageDeviations { get; init; } = [[0.1, 0.1, 0.2, 0.2], [0.05, 0.05, 0.1, 0.1], [0.033, 0.033, 0.067, 0.067]];

    /// <summary>The number of 3 x 3 convolutions, each with batch normalization, of a box head before its fully connected layer.</summary>
    public int BoxConvolutions { get; init; } = 4;

    /// <summary>The number of channels of a box head's convolutions.</summary>
    public int BoxChannels { get; init; } = 256;

    /// <inheritdoc/>
    public override CascadeMaskRcnn Create() => new(this);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionCheck.Require(StageDeviations is { Count: > 0 }, nameof(StageDeviations), null, "at least one stage");
        for (var i = 0; i < StageDeviations!.Count; i++)
        {
            BoxHead.RequireDeviations(StageDeviations[i], FormattableString.Invariant($"{nameof(StageDeviations)}[{i}]"));
        }

        OptionCheck.AtLeast(BoxConvolutions, 1, nameof(BoxConvolutions));
        OptionCheck.AtLeast(BoxChannels, 1, nameof(BoxChannels));
    }
}

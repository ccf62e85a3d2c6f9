using TorchSharp;

namespace IsVit.Detection.Models;

/// <summary>Holds the heads of a Mask R-CNN under MMDetection's names.</summary>
internal sealed class RoiHead : torch.nn.Module
{
    private readonly BoxHead bbox_head;
    private readonly MaskHead mask_head;

    public RoiHead(BoxHead box, MaskHead mask)
        : base(nameof(RoiHead))
    {
        (bbox_head, mask_head) = (box, mask);
        RegisterComponents();
    }

    public BoxHead Box => bbox_head;

    public MaskHead Mask => mask_head;
}

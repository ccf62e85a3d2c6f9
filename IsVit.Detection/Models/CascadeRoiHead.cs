using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>Holds the heads of a Cascade Mask R-CNN, one of each kind for every stage, under MMDetection's names.</summary>
internal sealed class CascadeRoiHead : torch.nn.Module
{
    private readonly ModuleList<BoxHead> bbox_head;
    private readonly ModuleList<MaskHead> mask_head;

    public CascadeRoiHead(BoxHead[] boxes, MaskHead[] masks)
        : base(nameof(CascadeRoiHead))
    {
        (bbox_head, mask_head) = (new ModuleList<BoxHead>(boxes), new ModuleList<MaskHead>(masks));
        RegisterComponents();
    }

    public IReadOnlyList<BoxHead> Boxes => [.. bbox_head];

    public IReadOnlyList<MaskHead> Masks => [.. mask_head];
}

using IsVit.Core.Arithmetic;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Training;

/// <summary>What the heads for regions are trained with (He et al., arXiv 1703.06870, section 3), with MMDetection's numbers.</summary>
internal static class RegionLoss
{
    /// <summary>The cross entropy of the regions' classes, the mean over all regions.</summary>
    /// <param name="scores">[regions, classes + 1].</param>
    /// <param name="sample">The regions.</param>
    public static torch.Tensor Classes(torch.Tensor scores, SampledRegions sample)
    {
        using var scope = torch.NewDisposeScope();
        var labels = torch.tensor([.. sample.Labels]).to(scores.device);
        return scope.MoveToOuter(torch.nn.functional.cross_entropy(scores, labels));
    }

    /// <summary>The distance (L1) of the differences of regions on objects, those of the object's class, over the number of all regions.</summary>
    /// <param name="deltas">[regions, 4 classes].</param>
    /// <param name="sample">The regions.</param>
    /// <param name="coder">Turns boxes into differences.</param>
    public static torch.Tensor Boxes(torch.Tensor deltas, SampledRegions sample, BoxCoder coder)
    {
        using var scope = torch.NewDisposeScope();
        var classes = deltas.shape[1] / 4;
        var boxes = sample.Positives.SelectMany(row => Enumerable.Range(1, 4).Select(k => sample.Rois[((int)row * 5) + k])).ToArray();
        var wanted = coder.Encode(torch.tensor(boxes).view(-1, 4), torch.tensor([.. sample.Targets]).view(-1, 4)).to(deltas.dtype, deltas.device);
        var own = torch.tensor([.. sample.Positives.Select(row => row * classes + sample.Labels[(int)row])]).to(deltas.device);
        return scope.MoveToOuter(deltas.reshape(-1, 4).index_select(0, own).sub(wanted).abs().sum().Over(Math.Max(sample.Labels.Count, 1)));
    }

    /// <summary>The cross entropy of the pixels of the masks of each region's own class, the mean over all.</summary>
    /// <param name="logits">[regions on objects, classes, side, side].</param>
    /// <param name="targets">[regions on objects, side, side].</param>
    /// <param name="sample">The regions.</param>
    public static torch.Tensor Masks(torch.Tensor logits, torch.Tensor targets, SampledRegions sample)
    {
        using var scope = torch.NewDisposeScope();
        var classes = logits.shape[1];
        var own = torch.tensor([.. sample.Positives.Select((row, i) => i * classes + sample.Labels[(int)row])]).to(logits.device);
        var chosen = logits.flatten(0, 1).index_select(0, own);
        return scope.MoveToOuter(torch.nn.functional.binary_cross_entropy_with_logits(chosen, targets.to(logits.dtype, logits.device), reduction: torch.nn.Reduction.Mean));
    }
}

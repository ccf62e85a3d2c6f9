using IsVit.Core.Arithmetic;
using IsVit.Detection.Imaging;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Models;

/// <summary>Chooses regions from what a proposal network says of anchors: the best of each level, without those that overlap a better one of the same level.</summary>
/// <param name="options">The detector's options.</param>
internal sealed class ProposalSelection(DetectorOptions options)
{
    private readonly BoxCoder _coder = new();

    /// <summary>The anchors of every level.</summary>
    public AnchorGenerator Anchors { get; } = new(options.Strides, options.AnchorRatios, [options.AnchorScale]);

    /// <summary>Turns differences into boxes.</summary>
    public BoxCoder Coder => _coder;

    /// <summary>Chooses the regions of an image.</summary>
    /// <param name="logits">For each level [batch, anchors, rows, columns].</param>
    /// <param name="deltas">For each level the differences [batch, 4 anchors, rows, columns].</param>
    /// <param name="image">The image's index in the batch.</param>
    /// <param name="geometry">Its size, to which boxes are clipped.</param>
    /// <returns>[regions, 5]: x1, y1, x2, y2 and score, best first.</returns>
    public torch.Tensor Select(IReadOnlyList<torch.Tensor> logits, IReadOnlyList<torch.Tensor> deltas, int image, ImageGeometry geometry)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var (boxes, scores, numbers) = (new List<torch.Tensor>(), new List<torch.Tensor>(), new List<torch.Tensor>());
        for (var level = 0; level < logits.Count; level++)
        {
            var (rows, columns) = (logits[level].shape[2], logits[level].shape[3]);
            var score = logits[level][image].permute(1, 2, 0).reshape(-1).sigmoid();
            var delta = deltas[level][image].permute(1, 2, 0).reshape(-1, 4);
            var anchors = Anchors.Grid(level, rows, columns, score.device).to(score.dtype);
            if (score.shape[0] > options.AnchorsPerLevel)
            {
                var best = score.argsort(descending: true).narrow(0, 0, options.AnchorsPerLevel);
                (score, delta, anchors) = (score.index_select(0, best), delta.index_select(0, best), anchors.index_select(0, best));
            }

            boxes.Add(_coder.Decode(anchors, delta, (geometry.Height, geometry.Width)));
            scores.Add(score);
            using var number = level.ToScalar();
            numbers.Add(torch.full_like(score, number, torch.ScalarType.Int64));
        }

        var (all, rated) = (torch.cat(boxes), torch.cat(scores));
        var kept = NonMaxSuppression.KeepByLabel(all, rated, torch.cat(numbers), options.ProposalOverlap, options.ProposalCount);
        return scope.MoveToOuter(torch.cat([all.index_select(0, kept), rated.index_select(0, kept).unsqueeze(1)], 1));
    }
}

using IsVit.Core.Arithmetic;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Training;

/// <summary>What a proposal network is trained with (Ren et al., arXiv 1506.01497, eq. 1), with MMDetection's numbers.</summary>
/// <param name="anchors">The anchors.</param>
/// <param name="coder">Turns boxes into differences.</param>
/// <param name="options">How to assign and to sample.</param>
/// <param name="random">Draws the sample.</param>
internal sealed class ProposalLoss(AnchorGenerator anchors, BoxCoder coder, DetectorTrainingOptions options, Random random)
{
    /// <summary>Computes the losses of a batch.</summary>
    /// <param name="levels">For each level the network's logits [batch, anchors, rows, columns] and differences [batch, 4 anchors, rows, columns].</param>
    /// <param name="batch">What is to be found.</param>
    /// <returns>Two numbers: the cross entropy of the sampled anchors, and the distance of the differences of those on objects, both over the number of sampled anchors.</returns>
    public (torch.Tensor Scores, torch.Tensor Boxes) Of(IReadOnlyList<(torch.Tensor Scores, torch.Tensor Deltas)> levels, TrainingBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var images = batch.Input.Count;
        var scores = torch.cat([.. levels.Select(level => level.Scores.permute(0, 2, 3, 1).reshape(images, -1))], 1).view(-1);
        var deltas = torch.cat([.. levels.Select(level => level.Deltas.permute(0, 2, 3, 1).reshape(images, -1, 4))], 1).view(-1, 4);
        var grid = Operands.ReadSingle(torch.cat([.. levels.Select((level, i) => anchors.Grid(i, level.Scores.shape[2], level.Scores.shape[3]))]));
        var perImage = grid.Length / 4;
        var (positives, negatives) = (new List<long>(), new List<long>());
        var (boxes, targets) = (new List<float>(), new List<float>());
        var total = 0;
        for (var image = 0; image < images; image++)
        {
            var objects = batch.BoxesOf(image);
            var assigned = BoxAssignment.Assign(grid, objects, options.PositiveAnchorOverlap, options.NegativeAnchorOverlap, keepsBest: true, Allowed(levels, batch.Input, image));
            var (on, off) = BoxSampling.Sample(assigned, options.AnchorsPerImage, options.PositiveAnchorShare, random);
            foreach (var i in on)
            {
                positives.Add((long)image * perImage + i);
                boxes.AddRange(grid.AsSpan(i * 4, 4));
                targets.AddRange(objects.AsSpan(assigned[i] * 4, 4));
            }

            negatives.AddRange(off.Select(i => (long)image * perImage + i));
            total += Math.Max(on.Length, 1) + Math.Max(off.Length, 1);
        }

        var device = scores.device;
        var positive = torch.tensor(positives.ToArray()).to(device);
        var chosen = torch.tensor([.. positives, .. negatives]).to(device);
        var labels = torch.cat([torch.ones(positives.Count), torch.zeros(negatives.Count)]).to(scores.dtype, device);
        var scoreLoss = torch.nn.functional.binary_cross_entropy_with_logits(scores.index_select(0, chosen), labels, reduction: torch.nn.Reduction.Sum).Over(total);
        var wanted = coder.Encode(torch.tensor(boxes.ToArray()).view(-1, 4), torch.tensor(targets.ToArray()).view(-1, 4)).to(deltas.dtype, device);
        var boxLoss = deltas.index_select(0, positive).sub(wanted).abs().sum().Over(total);
        return (scope.MoveToOuter(scoreLoss), scope.MoveToOuter(boxLoss));
    }

    // Anchors on cells that begin in the padding take no part.
    private bool[]? Allowed(IReadOnlyList<(torch.Tensor Scores, torch.Tensor Deltas)> levels, DetectorInput input, int image)
    {
        var geometry = input.Geometries[image];
        return geometry.Height == input.Images.shape[2] && geometry.Width == input.Images.shape[3]
            ? null
            : [.. levels.SelectMany((level, i) => anchors.ValidFlags(i, level.Scores.shape[2], level.Scores.shape[3], geometry.Height, geometry.Width).data<bool>().ToArray())];
    }
}

using IsVit.Core.Arithmetic;
using IsVit.Detection.Models;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Training;

/// <summary>Trains Mask R-CNN and Cascade Mask R-CNN: targets and losses as in MMDetection, AdamW as for its Swin backbones. With equal seeds, batches and numbers of threads, one machine gives equal weights.</summary>
public sealed class DetectorTrainer
{
    private readonly DetectorTrainingOptions _options;

    /// <summary>Creates a trainer.</summary>
    /// <param name="options">How to train; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public DetectorTrainer(DetectorTrainingOptions? options = null)
    {
        _options = options ?? new DetectorTrainingOptions();
        _options.Validate();
    }

    /// <summary>Trains a detector in place and leaves it in evaluation mode.</summary>
    /// <param name="detector">The detector, on any device.</param>
    /// <param name="batches">Makes the batch of a step (from 0), on the detector's device; the trainer disposes it.</param>
    /// <param name="progress">Told after every step, on the calling thread, between the steps: it may use the detector, also in evaluation mode.</param>
    /// <param name="cancellationToken">Stops before the next step; the detector keeps what it has learned.</param>
    /// <exception cref="ArgumentException">An object's label is not one of the detector's classes.</exception>
    /// <exception cref="DetectorTrainingException">A loss is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Train(Detector detector, Func<int, TrainingBatch> batches, IProgress<DetectorTrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(detector);
        ArgumentNullException.ThrowIfNull(batches);
        var random = new Random(_options.Seed);
        using var optimizer = new DecoupledAdam(detector, _options.WeightDecay);
        try
        {
            for (var step = _options.FirstStep; step < _options.Steps; step++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                detector.train();
                using var batch = batches(step);
                var losses = Backward(detector, batch, random);
                if (!double.IsFinite(losses.Total))
                {
                    throw new DetectorTrainingException(FormattableString.Invariant($"The loss of step {step} is {losses.Total} ({losses}); expected finite numbers. A smaller learning rate or a smaller gradient clip may help."));
                }

                var rate = _options.LearningRateAt(step);
                optimizer.Step(rate, _options.GradientClip);
                progress?.Report(new DetectorTrainingProgress(step + 1, _options.Steps, rate, losses));
            }
        }
        finally
        {
            detector.eval();
        }
    }

    /// <summary>Adds the derivatives of a batch's loss to the gradients of the detector's parameters.</summary>
    internal DetectorLosses Backward(Detector detector, TrainingBatch batch, Random random)
    {
        Check(detector, batch);
        using var scope = torch.NewDisposeScope();
        var pyramid = detector.Pyramid(batch.Input.Images);
        var (anchorScores, anchorDeltas) = detector.ProposalHead.call(pyramid);
        var (proposalScores, proposalBoxes) = new ProposalLoss(detector.Proposals.Anchors, detector.Proposals.Coder, _options, random).Of([.. anchorScores.Zip(anchorDeltas)], batch);
        float[][] boxes = [.. batch.Input.Geometries.Select((geometry, image) =>
        {
            using var proposals = detector.Proposals.Select(anchorScores, anchorDeltas, image, geometry);
            using var corners = proposals.narrow(1, 0, 4);
            return Operands.ReadSingle(corners);
        })];
        var (classes, corrections, masks) = (new List<torch.Tensor>(), new List<torch.Tensor>(), new List<torch.Tensor>());
        for (var stage = 0; stage < detector.BoxHeads.Count; stage++)
        {
            var weight = AtStage(_options.StageWeights, stage);
            var head = detector.BoxHeads[stage];
            var sample = SampledRegions.Draw(boxes, batch, AtStage(_options.RegionOverlaps, stage), _options, detector.ClassCount, random);
            var rois = torch.tensor([.. sample.Rois]).view(-1, 5).to(pyramid[0].device);
            var (scores, deltas) = head.call(detector.Pool(pyramid, rois, detector.Options.BoxFeatureSize));
            classes.Add(RegionLoss.Classes(scores, sample).Times(weight));
            corrections.Add(RegionLoss.Boxes(deltas, sample, head.Coder).Times(weight));
            if (sample.Positives.Count > 0)
            {
                var positives = torch.tensor([.. sample.Positives]).to(rois.device);
                var logits = detector.MaskHeads[stage].call(detector.Pool(pyramid, rois.index_select(0, positives), detector.Options.MaskFeatureSize));
                masks.Add(RegionLoss.Masks(logits, MaskTargets.Of(sample, batch, (int)logits.shape[^1]), sample).Times(weight));
            }

            if (stage + 1 < detector.BoxHeads.Count)
            {
                boxes = sample.Corrected(scores, deltas, head.Coder, batch);
            }
        }

        torch.Tensor[] parts = [proposalScores, proposalBoxes, Sum(classes), Sum(corrections), Sum(masks)];
        Sum(parts).backward();
        var numbers = Array.ConvertAll(parts, static part => part.ToDouble());
        return new DetectorLosses(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
    }

    private static torch.Tensor Sum(IReadOnlyList<torch.Tensor> losses) => losses.Count == 0 ? torch.zeros(1).squeeze() : losses.Aggregate(static (sum, loss) => sum.Plus(loss));

    private static double AtStage(IReadOnlyList<double> numbers, int stage) => numbers[Math.Min(stage, numbers.Count - 1)];

    private static void Check(Detector detector, TrainingBatch batch)
    {
        var largest = batch.Objects.SelectMany(static objects => objects).Select(static found => found.Label).DefaultIfEmpty(0).Max();
        if (largest >= detector.ClassCount)
        {
            throw new ArgumentException(FormattableString.Invariant($"An object has label {largest}; the detector has {detector.ClassCount} classes, 0 to {detector.ClassCount - 1}."), nameof(batch));
        }
    }
}

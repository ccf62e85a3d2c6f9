using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Detection.Quantization;

/// <summary>Samples to calibrate and reconstruct a detector on: images, and the regions in which the float detector looks for objects and draws masks.</summary>
/// <remarks>
/// Regions are those of the float detector, as in GLF-Q: they do not change while the detector is quantized, so that what its heads give can be compared number by number. Images of different sizes are padded with zeros
/// to the largest height and width.
/// </remarks>
public static class DetectorSamples
{
    /// <summary>Runs a float detector over images and keeps what its heads look at.</summary>
    /// <param name="detector">The detector, which is restored.</param>
    /// <param name="inputs">One or more batches of images, enumerated once, which remain the caller's.</param>
    /// <param name="options">The numbers of regions; null for the defaults.</param>
    /// <param name="cancellationToken">Stops between batches with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>Samples that own their tensors: disposing them frees the memory.</returns>
    /// <exception cref="QuantizationException">There is no image; or nothing was detected in any, so that no mask head would see a region.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is below 1.</exception>
    public static InMemorySamples Collect(Detector detector, IEnumerable<DetectorInput> inputs, DetectorSampleOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(detector);
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= new DetectorSampleOptions();
        options.Validate();
        using var evaluation = new EvaluationScope(detector);
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var given = inputs.ToList();
        if (given.Sum(static input => input.Count) == 0)
        {
            throw new QuantizationException("There are no images to calibrate a detector on; expected at least one.");
        }

        var (height, width) = (given.Max(static input => input.Images.shape[2]), given.Max(static input => input.Images.shape[3]));
        var batches = new List<SampleBatch>();
        var objects = 0L;
        foreach (var input in given)
        {
            for (var start = 0; start < input.Count; start += options.BatchSize)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var count = Math.Min(options.BatchSize, input.Count - start);
                var images = Padded(input.Images.narrow(0, start, count), height, width);
                var (sample, found) = Sample(detector, new DetectorInput(images, [.. input.Geometries.Skip(start).Take(count)]), options);
                batches.Add(sample);
                objects += found;
            }
        }

        if (objects == 0)
        {
            throw new QuantizationException(FormattableString.Invariant(
                $"In {given.Sum(static input => input.Count)} image(s) nothing was detected with a score above {detector.Options.ScoreThreshold}, so that 'roi_head.mask_head' would be calibrated on no region; expected images that show objects, prepared as the detector was trained."));
        }

        foreach (var tensor in batches.SelectMany(static batch => batch.Inputs))
        {
            tensor.DetachFromDisposeScope();
        }

        return new InMemorySamples(batches, owns: true);
    }

    private static torch.Tensor Padded(torch.Tensor images, long height, long width)
    {
        var (down, right) = (height - images.shape[2], width - images.shape[3]);
        return down + right > 0 ? torch.nn.functional.pad(images, [0, right, 0, down]) : images.clone();
    }

    private static (SampleBatch Batch, long Objects) Sample(Detector detector, DetectorInput input, DetectorSampleOptions options)
    {
        using var scope = torch.NewDisposeScope();
        var pyramid = detector.Pyramid(input.Images);
        var said = detector.ProposalHead.call(pyramid);
        var proposals = detector.Propose(said, input);
        torch.Tensor[] chosen = [.. proposals.Select((proposal, image) => Evenly(proposal, options.BoxRegions, image))];

        // What is detected is detected in all proposals; those that are chosen go from stage to stage with them.
        var found = detector.Classify(pyramid, proposals, input);
        var (masks, objects) = (new List<torch.Tensor>(), 0L);
        for (var image = 0; image < input.Count; image++)
        {
            var (boxes, labels) = detector.SelectOnInput(found, image, input.Geometries[image]);
            objects += boxes.shape[0];
            var regions = boxes.shape[0] > 0 ? boxes.narrow(1, 0, 4) : found.Stages[0].Boxes[image].index_select(0, chosen[image]);
            var classes = boxes.shape[0] > 0 ? labels.to(regions.dtype) : regions.new_zeros(regions.shape[0]);
            masks.Add(torch.cat([regions, classes.unsqueeze(1)], 1).index_select(0, Repeated(regions, options.MaskRegions)));
        }

        var boxRegions = found.Stages.Select(stage => torch.stack(stage.Boxes.Select((boxes, image) => Rated(boxes, stage.Scores[image]).index_select(0, chosen[image]))));
        torch.Tensor[] tensors = [input.Images, .. boxRegions, torch.stack(masks), Anchors(RegionProposalHead.ByAnchor(said.Scores, 1).squeeze(2), options.Anchors)];
        return (new SampleBatch(tensors.Select(scope.MoveToOuter)), objects);
    }

    // Boxes with their best class other than the background, and the probability that they hold something.
    private static torch.Tensor Rated(torch.Tensor boxes, torch.Tensor logits)
    {
        var probabilities = torch.nn.functional.softmax(logits, 1).narrow(1, 0, logits.shape[1] - 1);
        return torch.cat([boxes, probabilities.argmax(1, keepdim: true).to(boxes.dtype), probabilities.sum(1, keepdim: true)], 1);
    }

    // Numbers and scores of anchors [images, count, 2]: from the best to the worst, their ranks growing with the square of their place, as most anchors lie on nothing.
    private static torch.Tensor Anchors(torch.Tensor logits, int count)
    {
        var all = logits.shape[1];
        var ranks = torch.tensor(Enumerable.Range(0, count).Select(i => (long)(all * ((double)i * i / ((double)count * count)))).ToArray(), device: logits.device);
        var chosen = logits.argsort(1, descending: true).index_select(1, ranks);
        return torch.stack([chosen.to(logits.dtype), logits.gather(1, chosen).sigmoid()], 2);
    }

    // The numbers of boxes, best to worst.
    private static torch.Tensor Evenly(torch.Tensor boxes, int count, int image)
    {
        var there = boxes.shape[0];
        if (there == 0)
        {
            throw new QuantizationException(FormattableString.Invariant($"No region was proposed in image {image} of a batch, so that 'roi_head.bbox_head' would be calibrated on none; expected finite weights and images prepared as the detector was trained."));
        }

        return there <= count ? Repeated(boxes, count) : torch.tensor(Enumerable.Range(0, count).Select(i => i * there / count).ToArray(), device: boxes.device);
    }

    // The numbers of the first boxes, from the beginning again where there are too few.
    private static torch.Tensor Repeated(torch.Tensor boxes, int count) => torch.tensor(Enumerable.Range(0, count).Select(i => i % boxes.shape[0]).ToArray(), device: boxes.device);
}

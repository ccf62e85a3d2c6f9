using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Samples;
using IsVit.Detection.Imaging;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Models;

/// <summary>
/// A detector of two stages: a backbone and a pyramid compute features, a network proposes regions, and heads classify each region, correct its box and draw its mask. Names of parameters and results are those of
/// MMDetection (2.11 with Swin Transformer).
/// </summary>
/// <remarks>RoIAlign is differentiable; the selection of regions is not, and the boxes that go from one stage to the next are constants, as in training.</remarks>
public abstract class Detector : torch.nn.Module<DetectorInput, IReadOnlyList<DetectionResult>>, IForwardDeclaration, IGraphDeclaration, IStateDictNames
{
    private readonly SwinBackbone backbone;
    private readonly FeaturePyramid neck;
    private readonly RegionProposalHead rpn_head;
    private readonly ProposalSelection _proposals;
    private readonly int[] _strides;

    private protected Detector(string name, DetectorOptions options)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        var layers = Enumerable.Range(0, options.Backbone.Depths.Count);
        backbone = new SwinBackbone(options.Backbone);
        neck = new FeaturePyramid([.. layers.Select(options.Backbone.DimOf)], options.PyramidChannels);
        rpn_head = new RegionProposalHead(options.PyramidChannels, options.AnchorRatios.Count);
        _proposals = new ProposalSelection(options);
        _strides = [.. layers.Select(options.Backbone.StrideOf)];
    }

    /// <summary>The shape that the detector was created with.</summary>
    public DetectorOptions Options { get; }

    /// <summary>The backbone, from images to feature maps.</summary>
    public SwinBackbone Backbone => backbone;

    /// <summary>The pyramid, from feature maps to levels of equal width.</summary>
    public FeaturePyramid Neck => neck;

    /// <summary>The network that proposes regions.</summary>
    public RegionProposalHead ProposalHead => rpn_head;

    /// <summary>The head that classifies regions and corrects their boxes, one for each stage.</summary>
    public abstract IReadOnlyList<BoxHead> BoxHeads { get; }

    /// <summary>The head that draws masks, one for each stage.</summary>
    public abstract IReadOnlyList<MaskHead> MaskHeads { get; }

    /// <summary>The number of object classes, without the background.</summary>
    public int ClassCount => Options.ClassCount;

    /// <summary>How regions are chosen from what the proposal network says.</summary>
    internal ProposalSelection Proposals => _proposals;

    /// <summary>Detects objects. Call it without gradients (<c>torch.no_grad</c>) and in evaluation mode.</summary>
    /// <param name="input">A batch of images.</param>
    /// <returns>The objects of each image, which the caller disposes.</returns>
    public override IReadOnlyList<DetectionResult> forward(DetectorInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var pyramid = Pyramid(input.Images);
        var regions = Propose(pyramid, input);
        var found = Classify(pyramid, regions, input);
        return Masked(pyramid, found, input);
    }

    /// <summary>Computes the levels of the pyramid.</summary>
    /// <param name="images">[batch, channels, height, width].</param>
    /// <returns>[batch, channels, rows, columns] for each level, finest first.</returns>
    internal torch.Tensor[] Pyramid(torch.Tensor images) => neck.call(backbone.call(images));

    /// <summary>Proposes regions of each image.</summary>
    /// <returns>For each image [regions, 5]: x1, y1, x2, y2 in pixels of the network's input, and score, best first.</returns>
    internal torch.Tensor[] Propose(IReadOnlyList<torch.Tensor> pyramid, DetectorInput input)
    {
        using var scope = torch.NewDisposeScope();
        return [.. Propose(rpn_head.call([.. pyramid]), input).Select(scope.MoveToOuter)];
    }

    /// <summary>The same from what the network said of all anchors.</summary>
    internal torch.Tensor[] Propose((torch.Tensor[] Scores, torch.Tensor[] Deltas) said, DetectorInput input) =>
        [.. input.Geometries.Select((geometry, image) => _proposals.Select(said.Scores, said.Deltas, image, geometry))];

    /// <summary>Pools what a box head or a mask head reads of regions.</summary>
    /// <param name="pyramid">The levels.</param>
    /// <param name="rois">[regions, 5]: image and box.</param>
    /// <param name="side">Bins a side.</param>
    internal torch.Tensor Pool(IReadOnlyList<torch.Tensor> pyramid, torch.Tensor rois, int side) =>
        PyramidRoiAlign.Apply([.. pyramid.Take(_strides.Length)], rois, side, side, _strides, finestScale: Options.FinestScale);

    /// <summary>Classifies regions stage by stage.</summary>
    /// <param name="pyramid">The levels.</param>
    /// <param name="regions">For each image [regions, 4 or more], boxes first.</param>
    /// <param name="input">The images.</param>
    internal ClassifiedRegions Classify(IReadOnlyList<torch.Tensor> pyramid, IReadOnlyList<torch.Tensor> regions, DetectorInput input)
    {
        var boxes = regions.Select(static region => region.narrow(1, 0, 4)).ToArray();
        var stages = new List<ClassifiedStage>();
        for (var i = 0; i < BoxHeads.Count; i++)
        {
            if (i > 0)
            {
                boxes = Refine(BoxHeads[i - 1], stages[^1], input);
            }

            var rois = Rois(boxes);
            var features = Pool(pyramid, rois, Options.BoxFeatureSize);
            var (scores, deltas) = BoxHeads[i].call(features);
            long[] counts = [.. boxes.Select(static box => box.shape[0])];
            stages.Add(new ClassifiedStage(boxes, rois, features, scores.split(counts), deltas.split(counts)));
        }

        return new ClassifiedRegions(stages);
    }

    /// <summary>The logits of masks of each stage, [regions, classes, side, side].</summary>
    /// <param name="pyramid">The levels.</param>
    /// <param name="rois">[regions, 5]: image and box.</param>
    internal torch.Tensor[] MaskLogits(IReadOnlyList<torch.Tensor> pyramid, torch.Tensor rois)
    {
        using var features = Pool(pyramid, rois, Options.MaskFeatureSize);
        return [.. MaskHeads.Select(head => head.call(features))];
    }

    /// <summary>The objects among the classified regions of an image, without masks.</summary>
    /// <returns>[objects, 5]: boxes on the original image, and score; [objects]: classes.</returns>
    internal (torch.Tensor Detections, torch.Tensor Labels) Select(ClassifiedRegions found, int image, ImageGeometry geometry) => Select(found, image, geometry, Scale(geometry, found.Stages[^1].Rois));

    /// <summary>The same with boxes on the network's input.</summary>
    internal (torch.Tensor Detections, torch.Tensor Labels) SelectOnInput(ClassifiedRegions found, int image, ImageGeometry geometry) => Select(found, image, geometry, scale: null);

    private (torch.Tensor Detections, torch.Tensor Labels) Select(ClassifiedRegions found, int image, ImageGeometry geometry, torch.Tensor? scale)
    {
        using var scope = torch.NewDisposeScope();
        var last = found.Stages[^1];
        var decoded = BoxHeads[^1].Coder.Decode(last.Boxes[image], last.Deltas[image], (geometry.Height, geometry.Width));
        var boxes = scale is null ? decoded : decoded.view(-1, ClassCount, 4).div(scale).view(decoded.shape);
        var (detections, labels, _) = NonMaxSuppression.MultiClass(boxes, found.Probabilities(image), Options.ScoreThreshold, Options.DetectionOverlap, Options.DetectionCount);
        return (scope.MoveToOuter(detections), scope.MoveToOuter(labels));
    }

    /// <summary>Puts the index of the image before each box.</summary>
    /// <param name="boxes">For each image [regions, 4].</param>
    /// <returns>[all regions, 5].</returns>
    internal static torch.Tensor Rois(IReadOnlyList<torch.Tensor> boxes)
    {
        using var scope = torch.NewDisposeScope();
        var indexed = boxes.Select(static (box, image) => torch.cat([torch.zeros([box.shape[0], 1], box.dtype, box.device).Plus(image), box], 1)).ToArray();
        return scope.MoveToOuter(torch.cat(indexed));
    }

    /// <summary>
    /// Runs samples that <see cref="Quantization.DetectorSamples"/> made: images, and for each of them regions to classify, regions to draw masks in, and anchors. Nothing is selected or sorted, so that the outputs of a float and of a quantized
    /// detector can be compared number by number. Given is what detections depend on: corrections of a box for the class that the float detector found, in proportion to how likely an object is there, and the mask of that class.
    /// </summary>
    /// <param name="batch">
    /// Images [samples, channels, height, width]; for each stage its regions [samples, regions, 6]: box in pixels of the images, class, and probability of an object; regions for masks [samples, regions, 5]: box and class; anchors
    /// [samples, anchors, 2]: the anchor's number, level by level and place by place, and its probability of an object.
    /// </param>
    /// <returns>
    /// Logits [samples, anchors] and differences [samples, anchors, 4] of the anchors; for each stage logits [samples, regions, classes + 1] and differences [samples, regions, 4] of its regions; for each stage logits of masks
    /// [samples, regions, side, side].
    /// </returns>
    /// <exception cref="ArgumentException">The batch has other inputs.</exception>
    public IReadOnlyList<torch.Tensor> ForwardBatch(SampleBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Inputs.Count != BoxHeads.Count + 3)
        {
            throw new ArgumentException(FormattableString.Invariant($"A batch of samples has {batch.Inputs.Count} input(s); expected {BoxHeads.Count + 3}: images, regions of {BoxHeads.Count} stage(s), regions for masks, anchors. {nameof(Quantization.DetectorSamples)} makes such batches."), nameof(batch));
        }

        using var scope = torch.NewDisposeScope();
        var (masks, anchors) = (batch.Inputs[^2], batch.Inputs[^1]);
        var pyramid = Pyramid(batch[0]);
        var (scores, deltas) = rpn_head.call(pyramid);
        var numbers = anchors.narrow(2, 0, 1).to(torch.ScalarType.Int64);
        List<torch.Tensor> outputs =
        [
            RegionProposalHead.ByAnchor(scores, 1).gather(1, numbers).squeeze(2),
            RegionProposalHead.ByAnchor(deltas, 4).gather(1, numbers.expand(-1, -1, 4)).mul(anchors.narrow(2, 1, 1).sqrt()),
        ];
        for (var i = 0; i < BoxHeads.Count; i++)
        {
            var regions = batch[i + 1];
            var (classes, boxes) = BoxHeads[i].call(Pool(pyramid, Rois(regions), Options.BoxFeatureSize));
            outputs.Add(classes.view(batch.Count, -1, ClassCount + 1));
            outputs.Add(OfClass(boxes.view(batch.Count, -1, ClassCount, 4), regions).mul(regions.narrow(2, 5, 1).sqrt()));
        }

        outputs.AddRange(MaskLogits(pyramid, Rois(masks)).Select(logits => OfClass(logits.view([batch.Count, -1, .. logits.shape.Skip(1)]), masks)));
        return [.. outputs.Select(scope.MoveToOuter)];

        static torch.Tensor Rois(torch.Tensor regions) => Detector.Rois([.. regions.narrow(2, 0, 4).unbind(0)]);

        // Of numbers for every class, [samples, regions, classes, ...], those of each region's own.
        static torch.Tensor OfClass(torch.Tensor numbers, torch.Tensor regions)
        {
            var own = regions.narrow(2, 4, 1).to(torch.ScalarType.Int64).view([.. numbers.shape.Take(2), .. Enumerable.Repeat(1L, (int)numbers.dim() - 2)]);
            return numbers.gather(2, own.expand([.. numbers.shape.Take(2), 1, .. numbers.shape.Skip(3)])).squeeze(2);
        }
    }

    /// <summary>
    /// Values, each output beside its own variance and all of equal weight: logits of the float and of the quantized detector are to be equal. By the divergence of their probabilities, errors of confident logits would hardly count, and at
    /// 4 bits such errors are large enough to turn them over: held-out scenes lose more AP then.
    /// </summary>
    /// <inheritdoc/>
    public IReadOnlyList<OutputDeclaration> DeclareOutputs() => [.. Enumerable.Repeat(new OutputDeclaration(OutputKind.Values), 2 + (2 * BoxHeads.Count) + MaskHeads.Count)];

    /// <inheritdoc/>
    public IEnumerable<string> DeclareUnits() =>
    [
        "backbone.patch_embed", "backbone.layers.*.blocks.*", .. backbone.Layers.Count > 1 ? ["backbone.layers.*.downsample"] : Array.Empty<string>(), "neck", "rpn_head", .. HeadPaths("bbox_head"), .. HeadPaths("mask_head"),
    ];

    /// <inheritdoc/>
    public IEnumerable<RoleDeclaration> DeclareRoles() => [];

    /// <summary>Leaves the transposed convolutions of mask heads in float, as in the literature.</summary>
    /// <inheritdoc/>
    public IEnumerable<string> DeclareIgnored() => ["roi_head.mask_head.**.upsample"];

    /// <inheritdoc/>
    public IEnumerable<AttentionDeclaration> DeclareAttentions() =>
        backbone.Layers.Select((layer, i) => layer.Blocks[0].Attn.Declare(FormattableString.Invariant($"backbone.layers.{i}.blocks.*.attn")));

    /// <summary>Translates the names of later releases of MMDetection, and leaves out what is stored beside the parameters.</summary>
    /// <inheritdoc/>
    public string? Translate(string name, IReadOnlySet<string> names)
    {
        ArgumentNullException.ThrowIfNull(name);
        return MmdetectionNames.Translate(name);
    }

    /// <summary>Brings what patch merging of later releases of MMDetection reads into this module's order.</summary>
    /// <inheritdoc/>
    public void Reorder(string name, torch.Tensor loaded)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(loaded);
        MmdetectionNames.Reorder(name, loaded);
    }

    private protected abstract IEnumerable<string> HeadPaths(string kind);

    private static torch.Tensor Scale(ImageGeometry geometry, torch.Tensor like) => torch.tensor([geometry.ScaleX, geometry.ScaleY, geometry.ScaleX, geometry.ScaleY]).to(like.dtype, like.device);

    // Each region by the differences of its best class other than the background.
    private torch.Tensor[] Refine(BoxHead head, ClassifiedStage stage, DetectorInput input)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        return [.. input.Geometries.Select((geometry, image) =>
        {
            var (scores, deltas) = (stage.Scores[image], stage.Deltas[image].view(-1, ClassCount, 4));
            var best = scores.narrow(1, 0, ClassCount).argmax(1).view(-1, 1, 1).expand(-1, 1, 4);
            return scope.MoveToOuter(head.Coder.Decode(stage.Boxes[image], deltas.gather(1, best).squeeze(1), (geometry.Height, geometry.Width)));
        })];
    }

    private List<DetectionResult> Masked(IReadOnlyList<torch.Tensor> pyramid, ClassifiedRegions found, DetectorInput input)
    {
        var selected = input.Geometries.Select((geometry, image) => Select(found, image, geometry)).ToList();
        var rois = Rois([.. selected.Select((own, image) => own.Detections.narrow(1, 0, 4).mul(Scale(input.Geometries[image], own.Detections)))]);
        var masks = OwnMasks(MaskLogits(pyramid, rois), torch.cat([.. selected.Select(static own => own.Labels)]));
        var parts = masks.split([.. selected.Select(static own => own.Labels.shape[0])]);
        return [.. selected.Select((own, image) => new DetectionResult(
            own.Detections.narrow(1, 0, 4).clone(), own.Detections.select(1, 4).clone(), own.Labels, parts[image].clone(), input.Geometries[image], Options.MaskThreshold))];
    }

    // The mean over the stages of the probabilities of each region's own class.
    private static torch.Tensor OwnMasks(torch.Tensor[] logits, torch.Tensor labels)
    {
        var (side, count) = (logits[0].shape[^1], labels.shape[0]);
        var index = labels.view(-1, 1, 1, 1).expand(count, 1, side, side);
        var own = Array.ConvertAll(logits, stage => stage.gather(1, index).squeeze(1).sigmoid());
        return own.Length == 1 ? own[0] : own.Aggregate(static (sum, stage) => sum.Plus(stage)).Over(own.Length);
    }
}

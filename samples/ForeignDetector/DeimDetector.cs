using IsVit.Core.Graph;
using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace ForeignDetector;

/// <summary>DEIMv2 (arXiv 2509.20787) over HGNetV2, with the weights of an ONNX file.</summary>
internal sealed class DeimDetector : nn.Module<Tensor, Tensor, (Tensor Logits, Tensor Boxes, Tensor Places)>, IForwardDeclaration, IGraphDeclaration
{
    private readonly Backbone backbone;
    private readonly FeaturePyramid encoder;
    private readonly Decoder decoder;

    public DeimDetector(OnnxWeights weights)
        : base(nameof(DeimDetector))
    {
        backbone = new(weights);
        encoder = new(weights);
        decoder = new(weights);
        ImageSize = weights.ImageSize;
        RegisterComponents();
        eval();
    }

    /// <summary>Height and width of its images.</summary>
    public int ImageSize { get; }

    /// <summary>Images [batch, 3, size, size] of values in 0..1 to what <see cref="Decoder"/> gives.</summary>
    public override (Tensor Logits, Tensor Boxes, Tensor Places) forward(Tensor images, Tensor queries)
    {
        using var scope = NewDisposeScope();
        var (logits, boxes, places) = decoder.call(encoder.call(backbone.call(images)), queries);
        return (scope.MoveToOuter(logits), scope.MoveToOuter(boxes), scope.MoveToOuter(places));
    }

    // snippet: forward
    /// <summary>Images alone, or with the places that become queries.</summary>
    public IReadOnlyList<Tensor> ForwardBatch(SampleBatch batch)
    {
        var queries = batch.Inputs.Count > 1 ? batch[1] : empty([batch[0].shape[0], 0], int64);
        var (logits, boxes, places) = call(batch[0], queries);
        return [logits, boxes, places];
    }

    /// <summary>Images together with the places that the float model makes queries of, so that the quantized model, which would choose others, is compared query by query.</summary>
    public SampleBatch WithQueries(Tensor images)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return new SampleBatch(images, scope.MoveToOuter(decoder.Choose(ForwardBatch(new SampleBatch(images))[2])));
    }
    // end

    // snippet: declare
    // What is reconstructed at once. Left out, most convolutions would be units of their own: three times as many, each of which is trained without what follows it.
    public IEnumerable<string> DeclareUnits() =>
    [
        "backbone.stem", "backbone.stages.*",
        "encoder.input_proj", "encoder.down_sample*", "encoder.bi_fusion", "encoder.*_block",
        "decoder.enc_*_head", "decoder.query_pos_head", "decoder.pre_bbox_head", "decoder.layers.*", "decoder.dec_bbox_head.*", "decoder.integrals.*", "decoder.dec_score_head", "decoder.lqe",
    ];

    public IEnumerable<RoleDeclaration> DeclareRoles() => [];

    // Nothing but a factor lies between the queries, the keys and their product, so that heads may be rotated. The other attention has no product of queries and keys.
    public IEnumerable<AttentionDeclaration> DeclareAttentions() =>
    [
        new AttentionDeclaration(Decoder.HeadCount)
        {
            Query = new("decoder.layers.*.self_attn.query", decoder.HeadWidth),
            Key = new("decoder.layers.*.self_attn.key", decoder.HeadWidth),
            Value = new("decoder.layers.*.self_attn.value", decoder.HeadWidth),
            Output = "decoder.layers.*.self_attn.output",
        },
    ];
    // end
}

using IsVit.Core.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ForeignDetector;

/// <summary>
/// The decoder of D-FINE (arXiv 2410.13842): the places that look most like objects become queries, three layers refine them, and each layer moves the sides of a query's box by the mean of a distribution over distances.
/// </summary>
internal sealed class Decoder : Module<Tensor, Tensor, (Tensor Logits, Tensor Boxes, Tensor Places)>
{
    private const double DistanceScale = 4; // reg_scale

    private readonly int _queryCount;
    private readonly Tensor anchors; // [1, places, 4], before the sigmoid
    private readonly Linear enc_score_head;
    private readonly Perceptron enc_bbox_head;
    private readonly Perceptron query_pos_head;
    private readonly Perceptron pre_bbox_head;
    private readonly ModuleList<DecoderLayer> layers;

    // snippet: copies
    // One head in the file, which all layers share. A module has one set of numbers to calibrate on, so each layer has a copy of its own.
    private readonly ModuleList<Perceptron> dec_bbox_head;
    // end
    private readonly ModuleList<Integral> integrals;
    private readonly Linear dec_score_head;
    private readonly QualityHead lqe;

    public Decoder(OnnxWeights weights)
        : base(nameof(Decoder))
    {
        _queryCount = weights.Count("decoder");
        anchors = weights.Values("/model/decoder/Expand_output_0");
        enc_score_head = weights.Linear("decoder.enc_score_head");
        enc_bbox_head = new(weights, "decoder.enc_bbox_head", 3);
        query_pos_head = new(weights, "decoder.decoder.query_pos_head", 3);
        pre_bbox_head = new(weights, "decoder.decoder.pre_bbox_head", 3);
        long[] sides = [weights.ImageSize / 16, weights.ImageSize / 32];
        layers = new([.. Enumerable.Range(0, 3).Select(i => new DecoderLayer(weights, $"decoder.decoder.layers.{i}", sides))]);
        dec_bbox_head = new([.. layers.Select(_ => new Perceptron(weights, "decoder.decoder.dec_bbox_head.0", 3))]);
        integrals = new([.. layers.Select(_ => new Integral(weights.Values("onnx::Identity_1215")))]);
        dec_score_head = weights.Linear("decoder.decoder.dec_score_head.2");
        lqe = new(weights, "decoder.decoder.lqe_layers.2");
        RegisterComponents();
    }

    /// <summary>Number of heads of its attentions.</summary>
    public static int HeadCount => 8;

    /// <summary>Numbers that a head has of each query.</summary>
    public int HeadWidth => (int)enc_score_head.weight!.shape[1] / HeadCount;

    /// <summary>Classes, boxes (centre x, centre y, width, height, as shares of the image) and scores of places.</summary>
    /// <param name="memory">[batch, places, width].</param>
    /// <param name="queries">The places that become queries, [batch, queries]; [batch, 0] to choose them here.</param>
    /// <returns>[batch, queries, classes] and [batch, queries, 4] of the queries, [batch, places, classes] of all places.</returns>
    public override (Tensor Logits, Tensor Boxes, Tensor Places) forward(Tensor memory, Tensor queries)
    {
        using var scope = NewDisposeScope();
        var places = enc_score_head.call(memory);
        var chosen = (queries.shape[1] > 0 ? queries : Choose(places)).unsqueeze(-1); // [batch, queries, 1]
        var x = memory.gather(1, chosen.expand(-1, -1, memory.shape[2]));
        var boxes = enc_bbox_head.call(x).Plus(anchors.expand(memory.shape[0], -1, -1).gather(1, chosen.expand(-1, -1, 4))).sigmoid();
        var positions = query_pos_head.call(boxes).Within(-10, 10);

        var (first, distances, before) = (default(Tensor), default(Tensor), default(Tensor));
        foreach (var ((layer, head), integral) in layers.Zip(dec_bbox_head).Zip(integrals))
        {
            x = layer.call(x, positions, boxes, memory);
            first ??= pre_bbox_head.call(x).Plus(Logit(boxes)).sigmoid();
            var moved = head.call(before is null ? x : x.Plus(before)); // [batch, queries, 4 x bins]
            distances = distances is null ? moved : distances.Plus(moved);
            boxes = Move(first, integral.call(distances));
            before = x;
        }

        var logits = dec_score_head.call(x).Plus(lqe.call(distances!));
        return (scope.MoveToOuter(logits), scope.MoveToOuter(boxes), scope.MoveToOuter(places));
    }

    /// <summary>The places that look most like objects, [batch, queries].</summary>
    public Tensor Choose(Tensor places) => places.detach().amax([-1]).topk(_queryCount, 1).indexes;

    private static Tensor Logit(Tensor x) => x.logit(1e-5);

    // Distances are from the centre to the sides: left, top, right, bottom.
    private static Tensor Move(Tensor boxes, Tensor distances)
    {
        var centre = boxes.narrow(2, 0, 2);
        var unit = boxes.narrow(2, 2, 2).Times(1 / DistanceScale);
        var least = centre.Minus(distances.narrow(2, 0, 2).Plus(DistanceScale / 2).mul(unit));
        var most = centre.Plus(distances.narrow(2, 2, 2).Plus(DistanceScale / 2).mul(unit));
        return cat([least.Plus(most).Times(0.5), most.Minus(least)], -1);
    }
}

/// <summary>A layer of the decoder: queries [batch, queries, width] attend to each other and to places around their boxes.</summary>
internal sealed class DecoderLayer : Module<Tensor, Tensor, Tensor, Tensor, Tensor>
{
    private readonly SelfAttention self_attn;
    private readonly RootMeanSquareNorm norm1;
    private readonly DeformableAttention cross_attn;
    private readonly RootMeanSquareNorm norm2;
    private readonly GatedPerceptron swish_ffn;
    private readonly RootMeanSquareNorm norm3;

    public DecoderLayer(OnnxWeights weights, string path, long[] sides)
        : base(nameof(DecoderLayer))
    {
        self_attn = new(weights, $"{path}.self_attn");
        norm1 = new(weights, $"{path}.norm1");
        cross_attn = new(weights, $"{path}.cross_attn", sides);
        norm2 = new(weights, $"{path}.norm2");
        swish_ffn = new(weights, $"{path}.swish_ffn");
        norm3 = new(weights, $"{path}.norm3");
        RegisterComponents();
    }

    public override Tensor forward(Tensor queries, Tensor positions, Tensor boxes, Tensor memory)
    {
        using var scope = NewDisposeScope();
        var x = norm1.call(queries.Plus(self_attn.call(queries.Plus(positions), queries)));
        x = norm2.call(x.Plus(cross_attn.call(x.Plus(positions), boxes, memory)));
        return scope.MoveToOuter(norm3.call(x.Plus(swish_ffn.call(x)).Within(-65504, 65504)));
    }
}

/// <summary>x / sqrt(mean(x²) + 1e-6), channel by channel times a weight.</summary>
internal sealed class RootMeanSquareNorm : Module<Tensor, Tensor>
{
    private readonly Parameter scale;

    public RootMeanSquareNorm(OnnxWeights weights, string path)
        : base(nameof(RootMeanSquareNorm))
    {
        scale = new Parameter(weights.Values($"model.{path}.scale"));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(x.mul(x.mul(x).mean([-1], keepdim: true).Plus(1e-6).rsqrt()).mul(scale));
    }
}

/// <summary>Attention of the queries to each other; their positions count for where they look and not for what they see.</summary>
internal sealed class SelfAttention : Module<Tensor, Tensor, Tensor>
{
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly DotProductAttention attend = new();
    private readonly Linear output;

    public SelfAttention(OnnxWeights weights, string path)
        : base(nameof(SelfAttention))
    {
        query = weights.Linear(path, "MatMul");
        key = weights.Linear(path, "MatMul_1");
        value = weights.Linear(path, "MatMul_2");
        output = weights.Linear(path, "Gemm");
        RegisterComponents();
    }

    public override Tensor forward(Tensor placed, Tensor queries)
    {
        using var scope = NewDisposeScope();
        var mixed = attend.call(Heads(query.call(placed)), Heads(key.call(placed)), Heads(value.call(queries)));
        return scope.MoveToOuter(output.call(mixed.transpose(1, 2).flatten(2)));
    }

    private static Tensor Heads(Tensor x) => x.unflatten(2, [Decoder.HeadCount, x.shape[2] / Decoder.HeadCount]).transpose(1, 2);
}

/// <summary>Deformable attention (arXiv 2010.04159) to a few points around each query's box, in features of two resolutions.</summary>
internal sealed class DeformableAttention : Module<Tensor, Tensor, Tensor, Tensor>
{
    private static readonly long[] s_points = [4, 2];

    private readonly long[] _sides;
    private readonly Tensor spread; // [points, 1]
    private readonly Linear sampling_offsets;
    private readonly Linear attention_weights;
    private readonly Softmax softmax = Softmax(-1);

    // snippet: weigh
    // A sum over points of weight times sample is a product too, and as a module it can be quantized.
    private readonly MatMul weigh = new();
    // end

    public DeformableAttention(OnnxWeights weights, string path, long[] sides)
        : base(nameof(DeformableAttention))
    {
        _sides = sides;
        spread = tensor(s_points.SelectMany(static count => Enumerable.Repeat(0.5f / count, (int)count)).ToArray()).unsqueeze(-1);
        sampling_offsets = weights.Linear($"{path}.sampling_offsets");
        attention_weights = weights.Linear($"{path}.attention_weights");
        RegisterComponents();
    }

    public override Tensor forward(Tensor queries, Tensor boxes, Tensor memory)
    {
        using var scope = NewDisposeScope();
        var (batch, count, width, heads, points) = (memory.shape[0], queries.shape[1], memory.shape[2], Decoder.HeadCount, s_points.Sum());
        var offsets = sampling_offsets.call(queries).view(batch, count, heads, points, 2);
        var weights = softmax.call(attention_weights.call(queries).view(batch, count, heads, points));

        var box = boxes.view(batch, count, 1, 1, 4);
        var where = box.narrow(-1, 0, 2).Plus(offsets.mul(spread).mul(box.narrow(-1, 2, 2))); // as shares of the image
        var grids = where.Times(2).Plus(-1).transpose(1, 2).flatten(0, 1).split(s_points, 2); // [batch x heads, queries, points, 2] each
        var levels = memory.transpose(1, 2).reshape(batch * heads, width / heads, memory.shape[1]).split([.. _sides.Select(static side => side * side)], 2);
        var sampled = cat(
            [.. levels.Select((level, i) => functional.grid_sample(level.unflatten(2, [_sides[i], _sides[i]]), grids[i], GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false))],
            -1); // [batch x heads, width of a head, queries, points]

        // snippet: weigh-call
        var mixed = weigh.call(weights.transpose(1, 2).reshape(batch * heads, count, 1, points), sampled.permute(0, 2, 3, 1));
        // end
        return scope.MoveToOuter(mixed.view(batch, heads, count, width / heads).transpose(1, 2).flatten(2));
    }
}

/// <summary>SwiGLU: one half of the hidden numbers gates the other.</summary>
internal sealed class GatedPerceptron : Module<Tensor, Tensor>
{
    private readonly Linear w12;
    private readonly Linear w3;

    public GatedPerceptron(OnnxWeights weights, string path)
        : base(nameof(GatedPerceptron))
    {
        w12 = weights.Linear($"{path}.w12");
        w3 = weights.Linear($"{path}.w3");
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var halves = w12.call(x).chunk(2, -1);
        return scope.MoveToOuter(w3.call(functional.silu(halves[0]).mul(halves[1])));
    }
}

/// <summary>Linear layers with SiLU between them.</summary>
internal sealed class Perceptron : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers;

    public Perceptron(OnnxWeights weights, string path, int depth)
        : base(nameof(Perceptron))
    {
        layers = new([.. Enumerable.Range(0, depth).Select(i => weights.Linear($"{path}.layers.{i}"))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < layers.Count; i++)
        {
            x = layers[i].call(i == 0 ? x : functional.silu(x));
        }

        return scope.MoveToOuter(x);
    }
}

/// <summary>The mean of a distribution over distances, for each side of each box: logits [batch, queries, 4 x bins] to [batch, queries, 4].</summary>
internal sealed class Integral : Module<Tensor, Tensor>
{
    private readonly Softmax softmax = Softmax(-1);
    private readonly Linear project;

    public Integral(Tensor distances)
        : base(nameof(Integral))
    {
        project = Linear(new Parameter(distances.unsqueeze(0)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(project.call(softmax.call(logits.unflatten(2, [4, -1]))).squeeze(-1));
    }
}

/// <summary>How good a box is, from how narrow the distributions over its sides' distances are.</summary>
internal sealed class QualityHead : Module<Tensor, Tensor>
{
    private const int TopCount = 4;
    private readonly Perceptron reg_conf;

    public QualityHead(OnnxWeights weights, string path)
        : base(nameof(QualityHead))
    {
        reg_conf = new(weights, $"{path}.reg_conf", 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor logits)
    {
        using var scope = NewDisposeScope();
        var top = logits.unflatten(2, [4, -1]).softmax(-1).topk(TopCount, -1).values;
        return scope.MoveToOuter(reg_conf.call(cat([top, top.mean([-1], keepdim: true)], -1).flatten(2)));
    }
}

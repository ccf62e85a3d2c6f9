using IsVit.Detection.Operators;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Operators;

/// <summary>Overlaps of boxes, boxes as differences, and anchors.</summary>
public sealed class BoxTests
{
    private static readonly Tolerance Overlap = new(0, 1e-6);
    private static readonly Tolerance Encoding = new(1e-4, 1e-6);
    private static readonly Tolerance Decoding = new(1e-5, 1e-3);
    private static readonly Tolerance Anchor = new(0, 1e-4);

    public static TheoryData<string, double[], double[]> Coders() => new()
    {
        { "rpn", [0, 0, 0, 0], [1, 1, 1, 1] },
        { "rcnn", [0, 0, 0, 0], [0.1, 0.1, 0.2, 0.2] },
        { "stage2", [0, 0, 0, 0], [0.05, 0.05, 0.1, 0.1] },
        { "stage3", [0, 0, 0, 0], [0.033, 0.033, 0.067, 0.067] },
        { "means", [0.1, -0.2, 0.05, -0.1], [0.5, 0.4, 0.3, 0.2] },
    };

    [Fact]
    public void Overlaps_OracleBoxes_EqualMmdetection()
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("overlaps");
        var (a, b) = (file.Read("a"), file.Read("b"));

        TensorAssert.Close(file.Read("iou"), BoxOverlaps.IoU(a, b), Overlap);
        TensorAssert.Close(file.Read("iof"), BoxOverlaps.IoF(a, b), Overlap);
        TensorAssert.Close(file.Read("giou"), BoxOverlaps.GIoU(a, b), Overlap);
        TensorAssert.Close(file.Read("iou_aligned"), BoxOverlaps.AlignedIoU(a[..15], b), Overlap);
        TensorAssert.Close(file.Read("iof")[..15].diagonal(), BoxOverlaps.AlignedIoF(a[..15], b), Overlap);
        TensorAssert.Close(file.Read("giou")[..15].diagonal(), BoxOverlaps.AlignedGIoU(a[..15], b), Overlap);
    }

    [Fact]
    public void Overlaps_Batch_AreThoseOfEachImage()
    {
        using var scope = torch.NewDisposeScope();
        var (a, b) = (Boxes(1, 2, 5), Boxes(2, 2, 3));

        var all = BoxOverlaps.GIoU(a, b);

        Assert.Equal([2L, 5L, 3L], all.shape);
        TensorAssert.Identical(BoxOverlaps.GIoU(a[1], b[1]), all[1]);
        Assert.Equal([0L, 3L], BoxOverlaps.IoU(torch.zeros(0, 4), b[0]).shape);
    }

    [Fact]
    public void AlignedGIoU_Gradient_IsTheSlope()
    {
        using var scope = torch.NewDisposeScope();
        var (a, b) = (Boxes(3, 6).to(torch.ScalarType.Float64).requires_grad_(), Boxes(4, 6).to(torch.ScalarType.Float64));
        BoxOverlaps.AlignedGIoU(a, b).sum().backward();

        AssertSlope(a, x => BoxOverlaps.AlignedGIoU(x, b).sum().item<double>());
    }

    [Theory]
    [MemberData(nameof(Coders))]
    public void Coder_OracleBoxes_EqualsMmdetection(string name, double[] means, double[] deviations)
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("box_coder");
        var coder = new BoxCoder(means, deviations);
        var (boxes, deltas) = (file.Read("boxes"), file.Read($"{name}.deltas"));

        TensorAssert.Close(file.Read($"{name}.encoded"), coder.Encode(boxes, file.Read("targets")), Encoding);
        TensorAssert.Close(file.Read($"{name}.decoded"), coder.Decode(boxes, deltas), Decoding);
        TensorAssert.Close(file.Read($"{name}.decoded_clipped"), coder.Decode(boxes, deltas, (120, 160)), Decoding);
    }

    [Fact]
    public void Decode_ClassesAndImages_EqualMmdetection()
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("box_coder");
        var coder = new BoxCoder(standardDeviations: [0.1, 0.1, 0.2, 0.2]);
        var boxes = file.Read("boxes");

        TensorAssert.Close(file.Read("classes.decoded_clipped"), coder.Decode(boxes, file.Read("classes.deltas"), (120, 160)), Decoding);
        TensorAssert.Close(file.Read("batch.decoded_clipped"), coder.Decode(boxes.view(2, 15, 4), file.Read("batch.deltas"), [(120, 160), (90, 100)]), Decoding);
    }

    [Fact]
    public void Decode_OfEncode_IsTheTarget()
    {
        using var scope = torch.NewDisposeScope();
        var coder = new BoxCoder([0.1, -0.2, 0.05, -0.1], [0.5, 0.4, 0.3, 0.2]);
        var (boxes, targets) = (Boxes(5, 40).to(torch.ScalarType.Float64), Boxes(6, 40).to(torch.ScalarType.Float64));

        TensorAssert.Close(targets, coder.Decode(boxes, coder.Encode(boxes, targets)), new(1e-10, 1e-10));
    }

    [Fact]
    public void Decode_Gradient_IsTheSlope()
    {
        using var scope = torch.NewDisposeScope();
        var coder = new BoxCoder(standardDeviations: [0.1, 0.1, 0.2, 0.2]);
        var boxes = Boxes(7, 5).to(torch.ScalarType.Float64);
        var deltas = Seeded.Normal(8, 5, 8).to(torch.ScalarType.Float64).requires_grad_();
        coder.Decode(boxes, deltas, (60, 70)).pow(2).sum().backward();

        AssertSlope(deltas, x => coder.Decode(boxes, x, (60, 70)).pow(2).sum().item<double>());
    }

    [Fact]
    public void Anchors_OracleSizes_EqualMmdetection()
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("anchors");
        var sizes = file.Integers("feature_sizes");
        AssertAnchors("rpn", new AnchorGenerator([4, 8, 16, 32, 64], [0.5, 1, 2], [8]));
        AssertAnchors("octave", new AnchorGenerator([8, 16], [0.5, 1, 2], AnchorGenerator.OctaveScales(4, 3)));

        void AssertAnchors(string name, AnchorGenerator anchors)
        {
            for (var level = 0; level < anchors.LevelCount; level++)
            {
                var grid = file.Read($"{name}.grid.{level}");
                var (height, width) = name == "rpn" ? (sizes[level * 2], sizes[level * 2 + 1]) : Size(level, grid.shape[0] / anchors.AnchorsPerCell);
                TensorAssert.Close(file.Read($"{name}.base.{level}"), anchors.BaseAnchors(level), Anchor);
                TensorAssert.Close(grid, anchors.Grid(level, height, width), Anchor);
                if (name == "rpn")
                {
                    TensorAssert.Identical(file.Read($"rpn.valid.{level}"), anchors.ValidFlags(level, height, width, 22, 27));
                }
            }
        }

        (long Height, long Width) Size(int level, long cells)
        {
            var i = Enumerable.Range(0, 5).First(i => sizes[i * 2] * sizes[i * 2 + 1] == cells);
            return (sizes[i * 2], sizes[i * 2 + 1]);
        }
    }

    [Fact]
    public void Boxes_BadArguments_AreNamed()
    {
        using var scope = torch.NewDisposeScope();
        var boxes = Boxes(9, 3);
        var coder = new BoxCoder();
        var anchors = new AnchorGenerator([4], [1], [8]);

        Assert.Equal("first", Assert.Throws<ArgumentException>(() => BoxOverlaps.IoU(torch.zeros(3, 5), boxes)).ParamName);
        Assert.Equal("second", Assert.Throws<ArgumentException>(() => BoxOverlaps.AlignedIoU(boxes, boxes[..2])).ParamName);
        Assert.Equal("means", Assert.Throws<ArgumentException>(() => new BoxCoder([1, 2, 3])).ParamName);
        Assert.Equal("standardDeviations", Assert.Throws<ArgumentException>(() => new BoxCoder(standardDeviations: [1, 1, 1, 0])).ParamName);
        Assert.Equal("targets", Assert.Throws<ArgumentException>(() => coder.Encode(boxes, boxes[..2])).ParamName);
        Assert.Equal("deltas", Assert.Throws<ArgumentException>(() => coder.Decode(boxes, torch.zeros(3, 6))).ParamName);
        Assert.Equal("clip", Assert.Throws<ArgumentException>(() => coder.Decode(boxes.unsqueeze(0), torch.zeros(1, 3, 4), [(1, 1), (2, 2)])).ParamName);
        Assert.Equal("ratios", Assert.Throws<ArgumentException>(() => new AnchorGenerator([4], [0], [8])).ParamName);
        Assert.Equal("level", Assert.Throws<ArgumentOutOfRangeException>(() => anchors.Grid(1, 2, 2)).ParamName);
        Assert.Equal("count", Assert.Throws<ArgumentOutOfRangeException>(() => AnchorGenerator.OctaveScales(4, 0)).ParamName);
    }

    private static torch.Tensor Boxes(int seed, params long[] shape)
    {
        var corners = Seeded.Uniform(seed, [.. shape, 2]).mul(50);
        return torch.cat([corners, corners.add(Seeded.Uniform(seed + 100, [.. shape, 2]).mul(40).add(1))], -1);
    }

    private static void AssertSlope(torch.Tensor x, Func<torch.Tensor, double> function)
    {
        const double Step = 1e-6;
        var gradient = x.grad!;
        var flat = x.detach().clone().view(-1);
        var slopes = new double[flat.shape[0]];
        for (var i = 0; i < slopes.Length; i++)
        {
            using var inner = torch.NewDisposeScope();
            var unit = torch.zeros_like(flat);
            unit[i] = Step;
            slopes[i] = (function(flat.add(unit).view(x.shape)) - function(flat.sub(unit).view(x.shape))) / (2 * Step);
        }

        TensorAssert.Close(torch.tensor(slopes).view(x.shape), gradient, new(1e-6, 1e-5));
    }
}

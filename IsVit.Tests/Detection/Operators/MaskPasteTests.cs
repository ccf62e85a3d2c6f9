using IsVit.Detection.Operators;
using IsVit.Quantizers.Native;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Operators;

/// <summary>Masks on the image.</summary>
public sealed class MaskPasteTests
{
    private const int DifferingPixels = 2;

    [Fact]
    public void Apply_OracleMasks_EqualsMmdetection()
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("mask_paste");
        var size = file.Integers("image_size");
        var (boxes, scale) = (file.Read("boxes"), file.Read("scale_factor"));
        var own = file.Read("logits")[torch.arange(8), file.Read("labels")].sigmoid();

        AssertPixels(file.Read("pasted.0.5"), MaskPaste.Apply(own, boxes, size[0], size[1]));
        AssertPixels(file.Read("pasted.0.3"), MaskPaste.Apply(own, boxes, size[0], size[1], 0.3));
        AssertPixels(file.Read("pasted.0.5.scaled"), MaskPaste.Apply(own, boxes.div(scale), 40, 52));
        TensorAssert.Close(file.Read("soft"), MaskPaste.Values(own[..4], boxes[..4], size[0], size[1]), new(0, 1e-5));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Apply_RandomBoxes_EqualsGridSample(int threads)
    {
        using var scope = torch.NewDisposeScope();
        using var forced = KernelSwitch.Threads(threads);
        const int Count = 12, Height = 37, Width = 53;
        var masks = Seeded.Uniform(1, Count, 5, 9);
        var corners = Seeded.Uniform(2, Count, 2).mul(50).sub(10);
        var boxes = torch.cat([corners, corners.add(Seeded.Uniform(3, Count, 2).mul(60).add(0.5))], 1);

        TensorAssert.Close(GridSample(masks, boxes, Height, Width), MaskPaste.Values(masks, boxes, Height, Width), new(0, 1e-4));
    }

    [Fact]
    public void Apply_BoxesOutsideOrOfNoNumber_GiveEmptyMasks()
    {
        using var scope = torch.NewDisposeScope();
        var boxes = torch.tensor(new float[,] { { -50, -50, -20, -20 }, { 100, 2, 120, 9 }, { float.NaN, 0, 5, 5 }, { 2, 3, 6, 8 } });

        var areas = MaskPaste.Apply(torch.ones(4, 28, 28), boxes, 20, 30).to(torch.ScalarType.Int64).sum([1, 2]);

        Assert.Equal([0L, 0L, 0L, 20L], OperatorOracle.Integers(areas));
        Assert.Equal([0L, 20L, 30L], MaskPaste.Apply(torch.ones(0, 28, 28), boxes[..0], 20, 30).shape);
    }

    [Fact]
    public void Apply_BadArguments_AreNamed()
    {
        using var scope = torch.NewDisposeScope();
        var (masks, boxes) = (torch.zeros(2, 28, 28), torch.zeros(2, 4));

        Assert.Equal("masks", Assert.Throws<ArgumentException>(() => MaskPaste.Apply(torch.zeros(2, 1, 28, 28), boxes, 5, 5)).ParamName);
        Assert.Equal("boxes", Assert.Throws<ArgumentException>(() => MaskPaste.Apply(masks, boxes[..1], 5, 5)).ParamName);
        Assert.Equal("height", Assert.Throws<ArgumentOutOfRangeException>(() => MaskPaste.Apply(masks, boxes, 0, 5)).ParamName);
        Assert.Equal("threshold", Assert.Throws<ArgumentOutOfRangeException>(() => MaskPaste.Apply(masks, boxes, 5, 5, 0)).ParamName);
    }

    private static void AssertPixels(torch.Tensor expected, torch.Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        var differing = expected.ne(actual).sum([1, 2]);
        Assert.All(OperatorOracle.Integers(differing), static count => Assert.InRange(count, 0, DifferingPixels));
    }

    private static torch.Tensor GridSample(torch.Tensor masks, torch.Tensor boxes, int height, int width)
    {
        var parts = new List<torch.Tensor>();
        for (var i = 0; i < masks.shape[0]; i++)
        {
            var box = boxes[i].data<float>().ToArray();
            var x = torch.arange(width).add(0.5).sub(box[0]).div(box[2] - box[0]).mul(2).sub(1);
            var y = torch.arange(height).add(0.5).sub(box[1]).div(box[3] - box[1]).mul(2).sub(1);
            var grid = torch.stack([x.expand(height, width), y.unsqueeze(1).expand(height, width)], -1).unsqueeze(0).to(torch.ScalarType.Float32);
            var whole = torch.nn.functional.grid_sample(masks[i].view(1, 1, masks.shape[1], masks.shape[2]), grid, align_corners: false)[0];

            // One pixel beside the box and no more.
            var column = torch.arange(width);
            var row = torch.arange(height).unsqueeze(1);
            var near = column.ge(MathF.Floor(box[0]) - 1).logical_and(column.lt(MathF.Ceiling(box[2]) + 1)).logical_and(row.ge(MathF.Floor(box[1]) - 1)).logical_and(row.lt(MathF.Ceiling(box[3]) + 1));
            parts.Add(whole.mul(near.to(torch.ScalarType.Float32)));
        }

        return torch.cat(parts, 0);
    }
}

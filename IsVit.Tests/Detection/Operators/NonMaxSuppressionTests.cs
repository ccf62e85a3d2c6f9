using IsVit.Detection.Operators;
using IsVit.Quantizers.Native;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Operators;

/// <summary>Which boxes a suppression keeps.</summary>
public sealed class NonMaxSuppressionTests
{
    private static readonly Tolerance Specified = new(0, 1e-6);

    [Theory]
    [InlineData("plain", "keep.0.3", 0.3, null, null, 0)]
    [InlineData("plain", "keep.0.5", 0.5, null, null, 0)]
    [InlineData("plain", "keep.0.7", 0.7, null, null, 0)]
    [InlineData("plain", "keep.0.5.max7", 0.5, 7, null, 0)]
    [InlineData("plain", "keep.0.5.score0.4", 0.5, null, 0.4, 0)]
    [InlineData("plain", "keep.0.5.offset1", 0.5, null, null, 1)]
    [InlineData("ties", "keep.0.5", 0.5, null, null, 0)]
    [InlineData("exact", "keep.0.5", 0.5, null, null, 0)]
    [InlineData("exact", "keep.0.75", 0.75, null, null, 0)]
    [InlineData("batched", "keep.0.5.agnostic", 0.5, null, null, 0)]
    public void Keep_OracleBoxes_EqualsMmcv(string set, string expected, double threshold, int? max, double? score, int offset)
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("nms");

        var keep = NonMaxSuppression.Keep(file.Read($"{set}/boxes"), file.Read($"{set}/scores"), threshold, max, score, offset);

        Assert.Equal(file.Integers($"{set}/{expected}"), OperatorOracle.Integers(keep));
    }

    [Theory]
    [InlineData("keep.0.5", null, false)]
    [InlineData("keep.0.5.max9", 9, false)]
    [InlineData("ties.keep.0.5", null, true)]
    public void KeepByLabel_OracleBoxes_EqualsMmcv(string expected, int? max, bool ties)
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("nms");
        var (boxes, scores, labels) = (file.Read("batched/boxes"), file.Read("batched/scores"), file.Read("batched/labels"));
        if (ties)
        {
            (boxes, scores, labels) = (file.Read("ties/boxes"), file.Read("ties/scores"), labels[..60]);
        }

        var keep = NonMaxSuppression.KeepByLabel(boxes, scores, labels, 0.5, max);

        Assert.Equal(file.Integers($"batched/{expected}"), OperatorOracle.Integers(keep));
        if (expected == "keep.0.5")
        {
            TensorAssert.Close(file.Read("batched/dets.0.5"), torch.cat([boxes[keep], scores[keep].unsqueeze(1)], 1), Specified);
        }
    }

    [Theory]
    [InlineData("boxes", 0.05, null)]
    [InlineData("boxes", 0.3, null)]
    [InlineData("boxes", 0.05, 15)]
    [InlineData("boxes", 0.999, 10)]
    [InlineData("boxes_per_class", 0.05, null)]
    [InlineData("boxes_per_class", 0.3, null)]
    [InlineData("boxes_per_class", 0.05, 15)]
    [InlineData("boxes_per_class", 0.999, 10)]
    public void MultiClass_OracleBoxes_EqualsMmdetection(string boxes, double score, int? max)
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("nms");
        var prefix = FormattableString.Invariant($"multi/{boxes}.thr{score}.max{max ?? -1}");
        var scores = file.Read("multi/scores");

        var (detections, labels, indices) = NonMaxSuppression.MultiClass(file.Read($"multi/{boxes}"), scores, score, 0.5, max);

        TensorAssert.Close(file.Read($"{prefix}.dets"), detections, Specified);
        Assert.Equal(file.Integers($"{prefix}.labels"), OperatorOracle.Integers(labels));
        TensorAssert.Identical(detections.select(1, 4), scores.narrow(1, 0, 5).reshape(-1)[indices]);
    }

    [Fact]
    public void SoftLinear_OracleBoxes_EqualsMmcv()
    {
        using var scope = torch.NewDisposeScope();
        using var file = OperatorOracle.Open("nms");

        var (detections, indices) = NonMaxSuppression.SoftLinear(file.Read("plain/boxes"), file.Read("plain/scores"), 0.3, 0.001);

        Assert.Equal(file.Integers("soft/linear.keep"), OperatorOracle.Integers(indices));
        TensorAssert.Close(file.Read("soft/linear.dets"), detections, Specified);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(9, 1)]
    [InlineData(100, 0)]
    [InlineData(3000, 1)]
    public void Keep_RandomBoxes_EqualsAllPairs(int count, int offset)
    {
        using var scope = torch.NewDisposeScope();
        var (boxes, scores) = Random(count, 3);

        foreach (var threshold in (double[])[0, 0.3, 0.5, 1])
        {
            var expected = AllPairs([.. boxes.data<float>()], [.. scores.data<float>()], (float)threshold, offset);
            Assert.Equal(expected, OperatorOracle.Integers(NonMaxSuppression.Keep(boxes, scores, threshold, offset: offset)));
            Assert.Equal(expected.Take(5), OperatorOracle.Integers(NonMaxSuppression.Keep(boxes, scores, threshold, 5, offset: offset)));
        }
    }

    [Fact]
    public void Keep_PermutedBoxes_KeepsTheSame()
    {
        using var scope = torch.NewDisposeScope();
        var (boxes, scores) = Random(300, 4);
        var order = torch.randperm(300, generator: Seeded.Generator(5));

        var keep = NonMaxSuppression.Keep(boxes, scores, 0.4);
        var permuted = NonMaxSuppression.Keep(boxes[order], scores[order], 0.4);

        Assert.Equal(OperatorOracle.Integers(keep), OperatorOracle.Integers(order[permuted]));
    }

    [Fact]
    public void Keep_ManyEqualScores_TakesTheLowerIndexFirst()
    {
        using var scope = torch.NewDisposeScope();
        var corner = torch.arange(5000).to(torch.ScalarType.Float32).mul(10);
        var boxes = torch.stack([corner, corner, corner.add(5), corner.add(5)], 1);
        var scores = torch.arange(5000).remainder(3).to(torch.ScalarType.Float32).sub(1).mul(-0.0f + 1);

        var keep = OperatorOracle.Integers(NonMaxSuppression.Keep(boxes, scores, 0.5));

        Assert.Equal(Enumerable.Range(0, 5000).Select(static i => (long)i).OrderByDescending(static i => i % 3), keep);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-60)]
    public void KeepByLabel_RandomBoxes_EqualsAllPairsOfShiftedBoxes(int shift)
    {
        using var scope = torch.NewDisposeScope();
        var (boxes, scores) = Random(2500, 6);
        boxes = boxes.add(shift);
        var labels = torch.randint(0, 7, [2500], generator: Seeded.Generator(7), dtype: torch.ScalarType.Int64);
        var moved = boxes.add(labels.to(torch.ScalarType.Float32).mul(boxes.max().add(1)).unsqueeze(1));
        var expected = AllPairs([.. moved.data<float>()], [.. scores.data<float>()], 0.3f, 0);

        Assert.Equal(expected, OperatorOracle.Integers(NonMaxSuppression.KeepByLabel(boxes, scores, labels, 0.3)));
        foreach (var count in (int[])[1, 2, 5])
        {
            using var threads = KernelSwitch.Threads(count);
            Assert.Equal(expected.Take(50), OperatorOracle.Integers(NonMaxSuppression.KeepByLabel(boxes, scores, labels, 0.3, 50)));
        }
    }

    [Fact]
    public void KeepByLabel_TenThousandBoxes_SeparatesLabelsThatMeet()
    {
        using var scope = torch.NewDisposeScope();

        // Shifted by 1, the second label's boxes cover the first one's.
        var boxes = torch.tensor(new float[] { -1, -1, 0, 0 }).repeat(10_000, 1);
        var labels = torch.arange(10_000).remainder(2);
        boxes = boxes.sub(labels.to(torch.ScalarType.Float32).unsqueeze(1));
        var scores = torch.arange(10_000).to(torch.ScalarType.Float32).neg();

        Assert.Equal([0L, 1L], OperatorOracle.Integers(NonMaxSuppression.KeepByLabel(boxes, scores, labels, 0.5)));
        Assert.Equal([0L], OperatorOracle.Integers(NonMaxSuppression.KeepByLabel(boxes[..100], scores[..100], labels[..100], 0.5)));
    }

    [Fact]
    public void Keep_NotNumbers_AreNeverKeptAndSuppressNothing()
    {
        using var scope = torch.NewDisposeScope();
        var boxes = torch.tensor(new float[,] { { 0, 0, 10, 10 }, { 0, 0, float.NaN, 10 }, { 0, 0, 10, 10 }, { 20, 20, 30, 30 } });
        var scores = torch.tensor(new[] { float.NaN, 0.9f, 0.8f, 0.7f });
        var labels = torch.zeros(4, torch.ScalarType.Int64);

        Assert.Equal([2L, 3L], OperatorOracle.Integers(NonMaxSuppression.Keep(boxes, scores, 0.5)));
        Assert.Equal([2L, 3L], OperatorOracle.Integers(NonMaxSuppression.KeepByLabel(boxes, scores, labels, 0.5)));
        Assert.Equal([2L, 3L], OperatorOracle.Integers(NonMaxSuppression.SoftLinear(boxes, scores, 0.5).Indices));
        Assert.Equal([4L, 6L], OperatorOracle.Integers(NonMaxSuppression.MultiClass(boxes, torch.stack([scores, scores.mul(0), scores.mul(0)], 1), 0.1, 0.5).Indices));
    }

    [Fact]
    public void Keep_NoBoxes_KeepsNone()
    {
        using var scope = torch.NewDisposeScope();
        var (boxes, scores, labels) = (torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, torch.ScalarType.Int64));

        Assert.Equal([0L], NonMaxSuppression.Keep(boxes, scores, 0.5).shape);
        Assert.Equal([0L], NonMaxSuppression.KeepByLabel(boxes, scores, labels, 0.5).shape);
        Assert.Equal([0L, 5L], NonMaxSuppression.SoftLinear(boxes, scores, 0.5).Detections.shape);
        Assert.Equal([0L, 5L], NonMaxSuppression.MultiClass(boxes, torch.zeros(0, 4), 0.1, 0.5).Detections.shape);
        Assert.Equal([0L], NonMaxSuppression.Keep(torch.zeros(3, 4), torch.zeros(3), 0.5, maxCount: 0).shape);
    }

    [Fact]
    public void Keep_BadArguments_AreNamed()
    {
        using var scope = torch.NewDisposeScope();
        var (boxes, scores, labels) = (torch.zeros(3, 4), torch.zeros(3), torch.zeros(3, torch.ScalarType.Int64));

        Assert.Equal("boxes", Assert.Throws<ArgumentException>(() => NonMaxSuppression.Keep(torch.zeros(3, 5), scores, 0.5)).ParamName);
        Assert.Equal("scores", Assert.Throws<ArgumentException>(() => NonMaxSuppression.Keep(boxes, torch.zeros(2), 0.5)).ParamName);
        Assert.Equal("labels", Assert.Throws<ArgumentException>(() => NonMaxSuppression.KeepByLabel(boxes, scores, scores, 0.5)).ParamName);
        Assert.Equal("labels", Assert.Throws<ArgumentException>(() => NonMaxSuppression.KeepByLabel(boxes, scores, labels[..2], 0.5)).ParamName);
        Assert.Equal("iouThreshold", Assert.Throws<ArgumentOutOfRangeException>(() => NonMaxSuppression.Keep(boxes, scores, double.NaN)).ParamName);
        Assert.Equal("maxCount", Assert.Throws<ArgumentOutOfRangeException>(() => NonMaxSuppression.Keep(boxes, scores, 0.5, -1)).ParamName);
        Assert.Equal("offset", Assert.Throws<ArgumentOutOfRangeException>(() => NonMaxSuppression.Keep(boxes, scores, 0.5, offset: 2)).ParamName);
        Assert.Equal("boxes", Assert.Throws<ArgumentException>(() => NonMaxSuppression.MultiClass(torch.zeros(3, 8), torch.zeros(3, 4), 0.1, 0.5)).ParamName);
        Assert.Equal("boxes", Assert.Throws<ArgumentNullException>(() => NonMaxSuppression.Keep(null!, scores, 0.5)).ParamName);
    }

    [Fact]
    public void Keep_Called_LeavesItsResultOnly()
    {
        using var scope = torch.NewDisposeScope();
        var (boxes, scores) = Random(50, 8);
        var classes = scores.unsqueeze(1).expand(50, 3);
        LiveTensors.AssertNoneLeftBy(() => NonMaxSuppression.Keep(boxes, scores, 0.5).Dispose());
        LiveTensors.AssertNoneLeftBy(() =>
        {
            var (detections, labels, indices) = NonMaxSuppression.MultiClass(boxes, classes, 0.1, 0.5);
            detections.Dispose();
            labels.Dispose();
            indices.Dispose();
        });
    }

    private static (torch.Tensor Boxes, torch.Tensor Scores) Random(int count, int seed)
    {
        var corners = Seeded.Uniform(seed, count, 2).mul(100);
        var sides = Seeded.Uniform(seed + 100, count, 2).mul(40);
        return (torch.cat([corners, corners.add(sides)], 1), Seeded.Uniform(seed + 200, count));
    }

    // Each box in turn removes all that follow and overlap it by more.
    private static List<long> AllPairs(float[] boxes, float[] scores, float threshold, int offset)
    {
        var left = Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).ToList();
        var keep = new List<long>();
        while (left.Count > 0)
        {
            var best = left[0];
            keep.Add(best);
            left.RemoveAt(0);
            left.RemoveAll(other => Overlap(best * 4, other * 4) > threshold);
        }

        return keep;

        float Overlap(int a, int b)
        {
            var width = Math.Max(0f, Math.Min(boxes[a + 2], boxes[b + 2]) - Math.Max(boxes[a], boxes[b]) + offset);
            var height = Math.Max(0f, Math.Min(boxes[a + 3], boxes[b + 3]) - Math.Max(boxes[a + 1], boxes[b + 1]) + offset);
            var shared = width * height;
            return shared / (Area(a) + Area(b) - shared);
        }

        float Area(int a) => (boxes[a + 2] - boxes[a] + offset) * (boxes[a + 3] - boxes[a + 1] + offset);
    }
}

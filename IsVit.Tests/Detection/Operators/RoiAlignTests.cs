using IsVit.Detection.Operators;
using IsVit.Quantizers.Native;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Operators;

/// <summary>The fused pooling, its gradient and the separate operations agree.</summary>
public sealed class RoiAlignTests
{
    private static readonly Tolerance Rounding = new(1e-5, 1e-5);

    public static TheoryData<int, int, int, int, int, int, bool> Shapes() => new()
    {
        { 1, 9, 9, 7, 7, 0, true },
        { 3, 1, 1, 2, 2, 0, true },
        { 5, 3, 40, 1, 1, 0, false },
        { 2, 33, 2, 3, 5, 2, true },
        { 17, 21, 35, 7, 7, 0, true },
        { 4, 24, 30, 14, 14, 0, true },
        { 2, 40, 20, 5, 19, 3, false },
        { 9, 60, 64, 9, 4, 0, true },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Apply_AnyShape_EqualsSeparateOperations(int channels, int height, int width, int rows, int columns, int sampling, bool aligned)
    {
        using var scope = torch.NewDisposeScope();
        var features = Seeded.Normal(1, 2, channels, height, width);
        var rois = Regions(2, 23, 2, width, height);
        var upper = Seeded.Normal(3, 23, channels, rows, columns);

        var expected = Eager(() => Run(features, rois, upper, rows, columns, sampling, aligned));
        foreach (var vectors in Enum.GetValues<VectorWidth>())
        {
            using var chosen = KernelSwitch.Vectors(vectors);
            var actual = Run(features, rois, upper, rows, columns, sampling, aligned);
            TensorAssert.Close(expected.Output, actual.Output, Rounding);
            TensorAssert.Close(expected.Gradient, actual.Gradient, Rounding);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Apply_AnyThreadsAndVectors_GivesTheSameBits(int channels, int height, int width, int rows, int columns, int sampling, bool aligned)
    {
        using var scope = torch.NewDisposeScope();
        var features = Seeded.Normal(4, 2, channels, height, width);
        var rois = Regions(5, 70, 2, width, height);
        var upper = Seeded.Normal(6, 70, channels, rows, columns);
        var alone = Threaded(1, VectorWidth.Bits128);

        foreach (var (count, vectors) in ((int, VectorWidth)[])[(2, VectorWidth.Bits128), (3, VectorWidth.Bits256), (7, VectorWidth.Bits512)])
        {
            var (output, gradient) = Threaded(count, vectors);
            TensorAssert.Identical(alone.Output, output);
            TensorAssert.Identical(alone.Gradient, gradient);
        }

        (torch.Tensor Output, torch.Tensor Gradient) Threaded(int count, VectorWidth vectors)
        {
            using var threads = KernelSwitch.Threads(count);
            using var chosen = KernelSwitch.Vectors(vectors);
            return Run(features, rois, upper, rows, columns, sampling, aligned);
        }
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(2, false)]
    public void Apply_Float64Gradient_IsTheSlope(int sampling, bool aligned)
    {
        using var scope = torch.NewDisposeScope();
        var features = Seeded.Normal(7, 2, 2, 6, 5).to(torch.ScalarType.Float64);
        var rois = Regions(8, 6, 2, 5, 6);
        var upper = Seeded.Normal(9, 6, 2, 3, 2).to(torch.ScalarType.Float64);
        var (_, gradient) = Run(features, rois, upper, 3, 2, sampling, aligned);

        // The pooling is linear: a step of any length gives the slope.
        var slopes = new double[features.numel()];
        for (var i = 0; i < slopes.Length; i++)
        {
            using var inner = torch.NewDisposeScope();
            var unit = torch.zeros(features.numel(), torch.ScalarType.Float64);
            unit[i] = 1;
            slopes[i] = RoiAlign.Apply(unit.view(features.shape), rois, 3, 2, 0.25, sampling, aligned).mul(upper).sum().item<double>();
        }

        TensorAssert.Close(torch.tensor(slopes).view(features.shape), gradient, new(1e-10, 1e-12));
        TensorAssert.Close(gradient, Run(features.to(torch.ScalarType.Float32), rois, upper.to(torch.ScalarType.Float32), 3, 2, sampling, aligned).Gradient.to(torch.ScalarType.Float64), Rounding);
    }

    [Fact]
    public void Apply_MapOfEqualNumbers_GivesThatNumber()
    {
        using var scope = torch.NewDisposeScope();
        var rois = torch.tensor(new float[,] { { 0, 3, 5, 40, 61 }, { 0, 0, 0, 100, 100 }, { 0, 10.3f, 20.7f, 11, 21 } });

        TensorAssert.Close(torch.full([3, 2, 7, 7], 2.5f), RoiAlign.Apply(torch.full([1, 2, 30, 30], 2.5f), rois, 7, 7, 0.25), Rounding);
    }

    [Fact]
    public void Apply_HalfTypesAndOtherStrides_EqualFloat32()
    {
        using var scope = torch.NewDisposeScope();
        var features = Seeded.Normal(10, 2, 6, 12, 17);
        var rois = Regions(11, 9, 2, 17, 12);
        var expected = RoiAlign.Apply(features, rois, 7, 7, 0.25);

        TensorAssert.Identical(expected, RoiAlign.Apply(features.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), rois, 7, 7, 0.25));
        var half = features.to(torch.ScalarType.BFloat16);
        TensorAssert.Identical(RoiAlign.Apply(half.to(torch.ScalarType.Float32), rois, 7, 7, 0.25).to(torch.ScalarType.BFloat16), RoiAlign.Apply(half, rois, 7, 7, 0.25));
    }

    [Fact]
    public void Apply_NoRegions_HasAGradientOfZeros()
    {
        using var scope = torch.NewDisposeScope();
        foreach (var type in (torch.ScalarType[])[torch.ScalarType.Float32, torch.ScalarType.Float64])
        {
            var features = Seeded.Normal(12, 1, 3, 4, 4).to(type);
            var (output, gradient) = Run(features, torch.zeros(0, 5), torch.zeros([0, 3, 7, 7], type), 7, 7, 0, true);

            Assert.Equal([0L, 3L, 7L, 7L], output.shape);
            TensorAssert.Identical(torch.zeros_like(features), gradient);
        }
    }

    [Fact]
    public void ApplyToPyramid_SomeLevels_EqualsEachLevelAlone()
    {
        using var scope = torch.NewDisposeScope();
        int[] strides = [4, 8, 16];
        var features = strides.Select((stride, i) => Seeded.Normal(13 + i, 2, 3, 256 / stride, 320 / stride).requires_grad_(i != 1)).ToArray();
        var rois = Regions(16, 60, 2, 80, 64);
        var upper = Seeded.Normal(17, 60, 3, 7, 7);
        var levels = OperatorOracle.Integers(RoiLevels.Of(rois, 3, 20));
        Assert.Equal([0L, 1L, 2L], levels.Distinct().Order());

        var pooled = PyramidRoiAlign.Apply(features, rois, 7, 7, strides, finestScale: 20);
        pooled.mul(upper).sum().backward();

        for (var roi = 0; roi < 60; roi++)
        {
            var level = (int)levels[roi];
            TensorAssert.Identical(RoiAlign.Apply(features[level].detach(), rois[roi..(roi + 1)], 7, 7, 1.0 / strides[level])[0], pooled[roi].detach());
        }

        var separate = features.Select(static map => map.detach().clone().requires_grad_()).ToArray();
        Eager(() => PyramidRoiAlign.Apply(separate, rois, 7, 7, strides, finestScale: 20)).mul(upper).sum().backward();
        TensorAssert.Close(separate[0].grad!, features[0].grad!, Rounding);
        TensorAssert.Close(separate[2].grad!, features[2].grad!, Rounding);
        Assert.Null(features[1].grad);
    }

    [Fact]
    public void Apply_Cuda_EqualsCpu()
    {
        Assert.SkipUnless(torch.cuda.is_available(), "There is no CUDA device.");
        using var scope = torch.NewDisposeScope();
        var features = Seeded.Normal(18, 2, 5, 21, 35);
        var rois = Regions(19, 40, 2, 35, 21);
        var upper = Seeded.Normal(20, 40, 5, 7, 7);

        var expected = Run(features, rois, upper, 7, 7, 0, true);
        var actual = Run(features.cuda(), rois.cuda(), upper.cuda(), 7, 7, 0, true);
        TensorAssert.Close(expected.Output, actual.Output.cpu(), Rounding);
        TensorAssert.Close(expected.Gradient, actual.Gradient.cpu(), Rounding);
    }

    [Fact]
    public void Apply_ThereAndBack_LeavesNothing()
    {
        using var scope = torch.NewDisposeScope();
        var features = Seeded.Normal(21, 1, 3, 16, 16);
        var rois = Regions(22, 8, 1, 16, 16);
        LiveTensors.AssertNoneLeftBy(() => RoiAlign.Apply(features, rois, 7, 7, 0.25).Dispose());
        LiveTensors.AssertNoneLeftBy(() => Eager(() => RoiAlign.Apply(features, rois, 7, 7, 0.25)).Dispose());

        var trained = features.clone().requires_grad_();
        LiveTensors.AssertNoneLeftBy(() =>
        {
            using var inner = torch.NewDisposeScope();
            RoiAlign.Apply(trained, rois, 7, 7, 0.25).sum().backward();
        });
    }

    [Fact]
    public void Apply_BadArguments_AreNamed()
    {
        using var scope = torch.NewDisposeScope();
        var (features, rois) = (torch.zeros(1, 2, 8, 8), torch.zeros(1, 5));

        Assert.Equal("features", Assert.Throws<ArgumentException>(() => RoiAlign.Apply(torch.zeros(2, 8, 8), rois, 7, 7, 1)).ParamName);
        Assert.Equal("rois", Assert.Throws<ArgumentException>(() => RoiAlign.Apply(features, torch.zeros(1, 4), 7, 7, 1)).ParamName);
        Assert.Equal("outputHeight", Assert.Throws<ArgumentOutOfRangeException>(() => RoiAlign.Apply(features, rois, 0, 7, 1)).ParamName);
        Assert.Equal("scale", Assert.Throws<ArgumentOutOfRangeException>(() => RoiAlign.Apply(features, rois, 7, 7, 0)).ParamName);
        Assert.Equal("samplingRatio", Assert.Throws<ArgumentOutOfRangeException>(() => RoiAlign.Apply(features, rois, 7, 7, 1, -1)).ParamName);
        Assert.Equal("strides", Assert.Throws<ArgumentException>(() => PyramidRoiAlign.Apply([features], rois, 7, 7, [4, 8])).ParamName);
        Assert.Equal("features", Assert.Throws<ArgumentException>(() => PyramidRoiAlign.Apply([features, torch.zeros(1, 3, 4, 4)], rois, 7, 7, [4, 8])).ParamName);
        foreach (var roi in (float[][])[[1, 0, 0, 1, 1], [-1, 0, 0, 1, 1], [0, 2, 0, 1, 1], [0, 0, 0, float.NaN, 1], [0, 0, 0, 1e9f, 1]])
        {
            var error = Assert.Throws<ArgumentException>(() => RoiAlign.Apply(features, torch.tensor(roi).view(1, 5), 7, 7, 1));
            Assert.Equal("rois", error.ParamName);
            Assert.Contains("Region 0", error.Message, StringComparison.Ordinal);
        }
    }

    private static (torch.Tensor Output, torch.Tensor Gradient) Run(torch.Tensor features, torch.Tensor rois, torch.Tensor upper, int rows, int columns, int sampling, bool aligned)
    {
        var x = features.detach().clone().requires_grad_();
        var output = RoiAlign.Apply(x, rois, rows, columns, 0.25, sampling, aligned);
        output.mul(upper).sum().backward();
        return (output.detach(), x.grad!);
    }

    private static T Eager<T>(Func<T> work)
    {
        using var eager = KernelSwitch.Eager();
        return work();
    }

    // At a scale of a quarter: inside, partly outside, empty, and larger than the map.
    private static torch.Tensor Regions(int seed, int count, int batch, int width, int height)
    {
        var size = torch.tensor(new float[] { width * 4, height * 4 });
        var corners = Seeded.Uniform(seed, count, 2).mul(1.4f).sub(0.2f).mul(size);
        var sides = Seeded.Uniform(seed + 100, count, 2).pow(2).mul(1.3f).mul(size);
        sides[0] = 0;
        var images = torch.randint(0, batch, [count, 1], generator: Seeded.Generator(seed)).to(torch.ScalarType.Float32);
        return torch.cat([images, corners, corners.add(sides)], 1);
    }
}

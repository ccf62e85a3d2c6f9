using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Native;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers.Learning;

public sealed class LearnableQuantizerTests
{
    public static TheoryData<string> Kinds { get; } = ["free-levels", "uniform", "uniform-channels"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void BeginLearning_NothingLearned_FakeQuantizesAndEndsAsBefore(string kind)
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(1, 20, 30);
        using var quantizer = Calibrated(kind, x);
        var (expected, parameters) = (quantizer.FakeQuantize(x), quantizer.ExportParameters());

        var learned = quantizer.BeginLearning();
        TensorAssert.Identical(torch.zeros_like(learned), learned.detach());
        TensorAssert.Identical(expected, quantizer.FakeQuantize(x).detach());
        quantizer.EndLearning();

        TensorAssert.Identical(expected, quantizer.FakeQuantize(x));
        foreach (var (name, values) in parameters.Values)
        {
            Assert.Equal(values, quantizer.ExportParameters().Required(name));
        }
    }

    /// <summary>LSQ, eq. 3: (q - z) - x / s inside, q - z outside, times s for the logarithm of s.</summary>
    [Theory]
    [InlineData("uniform")]
    [InlineData("uniform-channels")]
    public void FakeQuantize_LearnedScales_GradientIsLsqs(string kind)
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(1, 20, 30).requires_grad_();
        var above = Seeded.Normal(2, 20, 30);
        using var quantizer = Calibrated(kind, x.detach());
        var parameters = quantizer.ExportParameters();
        var shape = kind == "uniform" ? new long[] { 1, 1 } : [20, 1];
        var scale = torch.tensor(parameters.Required("scale").Select(static s => (float)s).ToArray()).view(shape);
        var zero = torch.tensor(parameters.Required("zero_point").Select(static z => (float)z).ToArray()).view(shape);
        var position = (x.detach() / scale).round() + zero;
        var inside = position.ge(0).logical_and(position.le(parameters.Bits.MaxCode));
        var slope = ((position.clamp(0, parameters.Bits.MaxCode) - zero) * scale) - torch.where(inside, x.detach(), torch.zeros(1));
        var expected = kind == "uniform" ? (slope * above).sum().reshape(1) : (slope * above).sum(1);

        var learned = quantizer.BeginLearning();
        (quantizer.FakeQuantize(x) * above).sum().backward();

        TensorAssert.Close(expected, learned.grad!, new Tolerance(1e-4, 1e-4));
        TensorAssert.Identical(torch.where(inside, above, torch.zeros(1)), x.grad!);
    }

    [Fact]
    public void FakeQuantize_LearnedLevels_EachGetsTheGradientsOfItsNumbers()
    {
        using var scope = torch.NewDisposeScope();
        var x = Seeded.Normal(1, 20, 30).requires_grad_();
        var above = Seeded.Normal(2, 20, 30);
        using var quantizer = Calibrated("free-levels", x.detach());
        var levels = quantizer.ExportParameters().Required("levels");
        var codes = quantizer.Quantize(x.detach());
        var unit = (levels[^1] - levels[0]) / (levels.Count - 1);

        var learned = quantizer.BeginLearning();
        (quantizer.FakeQuantize(x) * above).sum().backward();

        var expected = levels.Select((_, code) => (float)(unit * torch.where(codes.eq(code), above, torch.zeros(1)).sum().item<float>())).ToArray();
        TensorAssert.Close(torch.tensor(expected), learned.grad!, new Tolerance(1e-4, 1e-5));
        Assert.True(x.grad!.ne(0).sum().item<long>() > 550);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Learning_GradientSteps_LowerTheError(string kind)
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.nn.functional.gelu(Seeded.Normal(1, 20, 400));
        using var quantizer = Calibrated(kind, x);

        // Calibrated on the numbers themselves, free levels have the least error already.
        quantizer.Calibrate(x * (kind == "free-levels" ? 1.3 : 3));
        double Error() => (quantizer.FakeQuantize(x) - x).square().mean().item<float>();
        var before = Error();
        var learned = quantizer.BeginLearning();
        for (var step = 0; step < 60; step++)
        {
            using var stepScope = torch.NewDisposeScope();
            (quantizer.FakeQuantize(x) - x).square().mean().backward();
            using var noGrad = torch.no_grad();
            learned.sub_(learned.grad!.sign() * 0.02);
            learned.grad!.zero_();
        }

        quantizer.EndLearning();

        Assert.True(Error() < 0.9 * before, $"{Error()} after {before}.");
    }

    /// <summary>As on the thread on which libtorch computes gradients of CUDA tensors.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Backward_WhereNoScopeIsOpen_LeavesNoTensors(string kind)
    {
        var left = new List<long>();
        var thread = new Thread(() =>
        {
            using var x = Seeded.Normal(1, 20, 30);
            using var upstream = torch.ones(20, 30);
            using var quantizer = Calibrated(kind, x);
            var learned = quantizer.BeginLearning();
            for (var i = 0; i < 5; i++)
            {
                using var leaf = x.clone();
                leaf.requires_grad = true;
                using var output = quantizer.FakeQuantize(leaf);
                foreach (var gradient in torch.autograd.grad([output], [leaf, learned], [upstream]))
                {
                    gradient.Dispose();
                }

                left.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            }
        });
        thread.Start();
        thread.Join();

        Assert.Equal(5, left.Count);
        Assert.All(left, count => Assert.Equal(left[0], count));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void FakeQuantize_WholeNumbersWhileLearning_AreRefused(string kind)
    {
        using var scope = torch.NewDisposeScope();
        using var quantizer = Calibrated(kind, Seeded.Normal(1, 20, 30));
        quantizer.BeginLearning();

        var error = Assert.Throws<QuantizationException>(() => quantizer.FakeQuantize(torch.zeros([20, 30], torch.ScalarType.Int32)));

        Assert.Contains("Int32", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BeginLearning_TwiceOrUncalibrated_IsRefused()
    {
        using var quantizer = new FreeLevelsQuantizer(3, Granularity.Tensor);
        Assert.Throws<QuantizationException>(() => quantizer.BeginLearning());
        using var x = Seeded.Normal(1, 50);
        quantizer.Calibrate(x);
        quantizer.BeginLearning();
        Assert.Contains("learning already", Assert.Throws<QuantizationException>(() => quantizer.BeginLearning()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(15)]
    [InlineData(63)]
    [InlineData(255)]
    public void LevelSums_AnyWidthAndThreads_SameBitsNearTheSeparateSums(int thresholds)
    {
        using var scope = torch.NewDisposeScope();
        var (x, gradient) = (Seeded.Normal(1, 7, 100_003), Seeded.Normal(2, 7, 100_003));
        var bounds = Enumerable.Range(0, thresholds).Select(i => (float)(((i + 1.0) / (thresholds + 1) * 6) - 3)).ToArray();
        double[] separate;
        using (KernelSwitch.Eager())
        {
            separate = LevelSums.Of(x, gradient, bounds);
        }

        var first = LevelSums.Of(x, gradient, bounds);

        Assert.All(separate.Zip(first), static pair => Assert.Equal(pair.First, pair.Second, 1e-2));
        foreach (var width in Enum.GetValues<VectorWidth>())
        {
            using var vectors = KernelSwitch.Vectors(width);
            using var threads = KernelSwitch.Threads(3);
            Assert.Equal(first, LevelSums.Of(x, gradient, bounds));
        }

        // A transposed view holds the same numbers.
        Assert.All(first.Zip(LevelSums.Of(x.t(), gradient.t().contiguous(), bounds)), static pair => Assert.Equal(pair.First, pair.Second, 1e-2));
    }

    private static ILearnableQuantizer Calibrated(string kind, torch.Tensor x)
    {
        ILearnableQuantizer quantizer = kind switch
        {
            "free-levels" => new FreeLevelsQuantizer(3, Granularity.Tensor),
            "uniform" => new UniformQuantizer(3, Granularity.Tensor),
            _ => new UniformQuantizer(3, Granularity.Channel(0)),
        };
        quantizer.Calibrate(x);
        return quantizer;
    }
}

using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

/// <summary>Weights that are fake-quantized for one forward: gradients reach the float ones, which come back whatever happens.</summary>
public sealed class SiteWeightTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Backward_QuantizedLinear_GradientIsStraightThrough(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var linear = Linear(6, 3, dtype: type);
        using (no_grad())
        {
            linear.weight.copy_(Seeded.Normal(1, 3, 6));
        }

        using var attachment = Weighted(linear, Seeded.Normal(2, 4, 6).to(type));
        var x = Seeded.Normal(3, 4, 6).to(type);
        var c = Seeded.Normal(4, 4, 3).to(type);

        (linear.call(x) * c).sum().backward();

        // With y = x W'^T + b and L = sum(c y): dL/dW' = c^T x. It reaches W where W lies within the codes' range.
        var expected = c.t().matmul(x) * Within(linear.weight, attachment.Bindings[0].Quantizer);
        TensorAssert.Close(expected, linear.weight.grad!);
        TensorAssert.Close(c.sum([0]), linear.bias!.grad!);
        Assert.Contains(0.0, expected.to(float64).data<double>());
    }

    [Fact]
    public void Backward_QuantizedConvolution_GradientIsStraightThrough()
    {
        using var scope = NewDisposeScope();
        var convolution = Conv2d(2, 3, 4, 4);
        using (no_grad())
        {
            convolution.weight.copy_(Seeded.Normal(1, 3, 2, 4, 4));
        }

        using var attachment = Weighted(convolution, Seeded.Normal(2, 5, 2, 4, 4));
        var x = Seeded.Normal(3, 5, 2, 4, 4);
        var c = Seeded.Normal(4, 5, 3, 1, 1);

        (convolution.call(x) * c).sum().backward();

        // One patch an image: a linear layer on flattened patches.
        var expected = c.reshape(5, 3).t().matmul(x.reshape(5, 32)).reshape(3, 2, 4, 4) * Within(convolution.weight, attachment.Bindings[0].Quantizer);
        TensorAssert.Close(expected, convolution.weight.grad!, new Tolerance(1e-5, 1e-5));
    }

    [Fact]
    public void Call_QuantizedWeight_ComputesWithTheFakeQuantizedOne()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var linear = Linear(6, 3);
        using var attachment = Weighted(linear, Seeded.Normal(2, 4, 6));
        var x = Seeded.Normal(3, 4, 6);
        var weight = attachment.Bindings[0].Quantizer.FakeQuantize(linear.weight);

        TensorAssert.Identical(functional.linear(x, weight, linear.bias), linear.call(x));

        linear.weight.mul_(0.5);
        TensorAssert.Identical(functional.linear(x, attachment.Bindings[0].Quantizer.FakeQuantize(linear.weight), linear.bias), linear.call(x));
    }

    [Fact]
    public void Call_DuringTheForward_ParametersAreTheFloatOnes()
    {
        using var scope = NewDisposeScope();
        var linear = Linear(6, 3);
        var weight = linear.weight;
        using var attachment = Weighted(linear, Seeded.Normal(2, 4, 6));
        var seen = 0;
        linear.register_forward_pre_hook((_, x) =>
        {
            Assert.NotSame(weight, linear.weight);
            Assert.Same(weight, linear.parameters().First());
            Assert.Same(weight, SiteWeights.Get(attachment.Graph, attachment.Bindings[0].Site));
            seen++;
            return x;
        });

        linear.call(Seeded.Normal(3, 4, 6));

        Assert.Equal(1, seen);
        Assert.Same(weight, linear.weight);
    }

    [Theory]
    [InlineData("suspend")]
    [InlineData("off")]
    [InlineData("call")]
    [InlineData("dispose")]
    public void Call_AfterAnExceptionInTheLayer_FloatWeightIsBack(string then)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var linear = Linear(6, 3);
        var weight = linear.weight;
        var x = Seeded.Normal(3, 4, 6);
        var exact = linear.call(x);
        var attachment = Weighted(linear, x);
        var quantized = linear.call(x);
        Assert.ThrowsAny<Exception>(() => linear.call(ones(4, 7)));
        Assert.NotSame(weight, linear.weight);
        Assert.Same(weight, SiteWeights.Get(attachment.Graph, attachment.Bindings[0].Site));

        switch (then)
        {
            case "suspend":
                using (attachment.Suspend())
                {
                    TensorAssert.Identical(exact, linear.call(x));
                }

                break;
            case "off":
                attachment.Bindings[0].State = SiteState.Off;
                TensorAssert.Identical(exact, linear.call(x));
                break;
            case "call":
                TensorAssert.Identical(quantized, linear.call(x));
                break;
        }

        attachment.Dispose();
        Assert.Same(weight, linear.weight);
        Assert.False(weight.IsInvalid);
        TensorAssert.Identical(exact, linear.call(x));
        Hooks.AssertNone(linear);
    }

    [Fact]
    public void Call_ExceptionsAgainAndAgain_LeaveNothing()
    {
        using var linear = Linear(6, 3);
        using var x = Seeded.Normal(3, 4, 6);
        using var wrong = ones(4, 7);
        using var noGrad = no_grad();
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(linear, x), x);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.Quantized;
        }

        LiveTensors.AssertNoneLeftBy(() =>
        {
            Assert.ThrowsAny<Exception>(() => linear.call(wrong));
            linear.call(x).Dispose();
        });
    }

    [Fact]
    public void SetBias_LinearConvolutionAndLayerNorm_AddAndRemove()
    {
        using var scope = NewDisposeScope();
        foreach (var module in new nn.Module[] { Linear(4, 3, hasBias: false), Conv2d(2, 3, 1, bias: false), LayerNorm(3, bias: false) })
        {
            Assert.Null(SiteWeights.GetBias(module));
            var bias = new Parameter(ones(3));
            SiteWeights.SetBias(module, bias);
            Assert.Same(bias, SiteWeights.GetBias(module));
            Assert.Contains(bias, module.parameters(), ReferenceEqualityComparer.Instance);
            SiteWeights.SetBias(module, null);
            Assert.Null(SiteWeights.GetBias(module));
            Assert.Single(module.parameters());
        }

        Assert.Throws<ArgumentException>(() => SiteWeights.SetBias(GELU(), null));
        Assert.Null(SiteWeights.GetBias(GELU()));
        Assert.False(SiteWeights.HasWeight(ConvTranspose2d(1, 1, 1)));
    }

    // Weights by output channel; the percentile search cuts the tails, so that some lie outside the range.
    private static GraphAttachment Weighted(nn.Module<Tensor, Tensor> model, Tensor sample)
    {
        var attachment = GraphAttachment.Attach(
            ModuleGraph.Trace(model, sample),
            static site => site.Role == SiteRole.Weight ? new UniformQuantizerFactory().Create(new("uniform", 2, Granularity.Channel(0)), isWeight: true) : null);
        using var weight = SiteWeights.Get(attachment.Graph, attachment.Bindings[0].Site).detach();
        using var narrower = weight * 0.6;
        attachment.Bindings[0].Quantizer.Calibrate(narrower);
        attachment.Bindings[0].State = SiteState.Quantized;
        return attachment;
    }

    private static Tensor Within(Tensor weight, IQuantizer quantizer)
    {
        var parameters = quantizer.ExportParameters();
        long[] shape = [-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)];
        var scale = tensor(parameters.Required("scale").ToArray()).reshape(shape);
        var zero = tensor(parameters.Required("zero_point").ToArray()).reshape(shape);
        var code = (weight.detach().to(float64) / scale).round() + zero;
        return code.ge(0).logical_and(code.le(3)).to(weight.dtype);
    }
}

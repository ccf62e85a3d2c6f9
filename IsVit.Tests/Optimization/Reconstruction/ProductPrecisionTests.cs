using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Reconstruction;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

/// <summary>Matrix products in bfloat16: what is rounded, and that nothing is left of it.</summary>
public sealed class ProductPrecisionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BFloat16_LinearLayer_RoundsOperandsAndPassesGradientsToTheFloatWeight(bool quantized)
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("a", nn.Linear(8, 6)), ("b", nn.Linear(6, 5)));
        var layer = (Linear)model[0];
        var x = Seeded.Normal(1, 4, 8);
        using var attachment = Attach(model, x, quantized);
        using var precision = new ProductPrecision(attachment.Graph, MatrixPrecision.BFloat16);
        var before = layer.weight;
        Tensor actual;
        using (precision.Use())
        {
            actual = layer.call(x);
        }

        actual.square().sum().backward();
        var gradient = layer.weight!.grad!.clone();
        layer.weight.grad!.zero_();

        IQuantizer? Quantizer(SiteOperand operand) => attachment.Bindings.SingleOrDefault(binding => binding.Site.Path == "a" && binding.Site.Operand == operand)?.Quantizer;
        var input = Quantizer(SiteOperand.Input)?.FakeQuantize(x) ?? x;
        var weight = Quantizer(SiteOperand.Weight)?.FakeQuantize(layer.weight) ?? layer.weight;
        var expected = nn.functional.linear(input.to(bfloat16), weight.to(bfloat16), layer.bias!.to(bfloat16)).to(float32);
        expected.square().sum().backward();

        TensorAssert.Identical(expected, actual);
        TensorAssert.Identical(layer.weight.grad!, gradient);
        Assert.Same(before, layer.weight);
        Assert.Equal(ScalarType.Float32, gradient.dtype);
        Assert.False(expected.Equals(nn.functional.linear(input, weight, layer.bias)));
    }

    [Fact]
    public void BFloat16_ProductOfActivations_RoundsBoth()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using var attachment = Attach(model, Micro.Images().narrow(0, 0, 1), quantized: false);
        using var precision = new ProductPrecision(attachment.Graph, MatrixPrecision.BFloat16);
        var product = (MatMul)attachment.Graph.Modules.Values.First(static module => module is MatMul);
        var (a, b) = (Seeded.Normal(1, 2, 5, 6), Seeded.Normal(2, 2, 6, 4));
        using (precision.Use())
        {
            TensorAssert.Identical(a.to(bfloat16).matmul(b.to(bfloat16)).to(float32), product.call(a, b));
        }

        TensorAssert.Identical(a.matmul(b), product.call(a, b));
    }

    [Fact]
    public void BFloat16_ProductThatTheCallerDeclared_RoundsBoth()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("gram", new Gram()));
        var graph = ModuleGraph.Trace(model, Seeded.Normal(3, 2, 5, 8), new() { MatrixProducts = static (path, _) => path == "gram.product", Units = ["gram"] });
        using var precision = new ProductPrecision(graph, MatrixPrecision.BFloat16);
        var product = (nn.Module<Tensor, Tensor, Tensor>)graph.Modules["gram.product"];
        var (a, b) = (Seeded.Normal(1, 2, 5, 6), Seeded.Normal(2, 2, 6, 4));
        using (precision.Use())
        {
            TensorAssert.Identical(a.to(bfloat16).bmm(b.to(bfloat16)).to(float32), product.call(a, b));
        }

        TensorAssert.Identical(a.bmm(b), product.call(a, b));
    }

    [Fact]
    public void BFloat16_SwitchedOffOrDisposed_LeavesTheModelAsItWas()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var output = Micro.Call(model, images);
        using (var attachment = Attach(model, images.narrow(0, 0, 1), quantized: false))
        {
            var precision = new ProductPrecision(attachment.Graph, MatrixPrecision.BFloat16);
            TensorAssert.Identical(output, Micro.Call(model, images));
            using (precision.Use())
            {
                Assert.NotEqual(0, (Micro.Call(model, images) - output).abs().max().item<float>());
            }

            precision.Dispose();
        }

        TensorAssert.Identical(output, Micro.Call(model, images));
    }

    [Fact]
    public void BFloat16_ForwardThatFails_LosesNoWeight()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("a", nn.Linear(8, 6)), ("b", nn.Linear(6, 5)));
        var x = Seeded.Normal(1, 4, 8);
        var output = model.call(x);
        using var attachment = Attach(model, x, quantized: false);
        using (var precision = new ProductPrecision(attachment.Graph, MatrixPrecision.BFloat16))
        {
            using (precision.Use())
            {
                Assert.ThrowsAny<Exception>(() => model.call(ones(4, 3)));
            }

            TensorAssert.Identical(output, model.call(x));
            using (precision.Use())
            {
                Assert.ThrowsAny<Exception>(() => model.call(ones(4, 3)));
            }
        }

        TensorAssert.Identical(output, model.call(x));
    }

    [Theory]
    [InlineData(MatrixPrecision.BFloat16, false)]
    [InlineData(MatrixPrecision.TensorFloat32, true)]
    [InlineData(MatrixPrecision.Full, true)]
    public void Run_OtherPrecision_TrainsFloatWeights(MatrixPrecision precision, bool same)
    {
        Assert.SkipWhen(precision == MatrixPrecision.TensorFloat32 && cuda.is_available(), "TF32 changes nothing only where there is no CUDA device.");
        using var scope = NewDisposeScope();
        var images = Micro.Images();
        using var full = Micro.Vit();
        using var narrow = Micro.Vit();
        var (fullSteps, narrowSteps) = (new RecordingProgress(), new RecordingProgress());
        using var expected = Micro.Quantizer(static _ => { }).Run(full, images, new QuantizationRun { Progress = fullSteps });
        using var actual = Micro.Quantizer(options => options.Reconstruction.Precision = precision).Run(narrow, images, new QuantizationRun { Progress = narrowSteps });

        Assert.All(narrow.parameters(), static parameter => Assert.Equal(ScalarType.Float32, parameter.dtype));
        UnitAssert.SomeImproved(actual.Report!.Units);
        Assert.Equal(fullSteps.StepLosses.Length, narrowSteps.StepLosses.Length);
        // Not the trained models: where no loss falls, every unit keeps the weights that it began with.
        Assert.Equal(same, fullSteps.StepLosses.SequenceEqual(narrowSteps.StepLosses));
    }

    private static GraphAttachment Attach(nn.Module<Tensor, Tensor> model, Tensor x, bool quantized)
    {
        using var noGrad = no_grad();
        var graph = ModuleGraph.Trace(model, x);
        var attachment = GraphAttachment.Attach(graph, _ => quantized ? new UniformQuantizer(4, Granularity.Tensor) : null);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.CalibratingThenQuantized;
        }

        model.call(x);
        return attachment;
    }

    /// <summary>A layer's outputs times themselves, by a module that does not say it is a product.</summary>
    private sealed class Gram : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _layer = nn.Linear(8, 6);
        private readonly Product _product = new();

        public Gram()
            : base(nameof(Gram))
        {
            register_module("layer", _layer);
            register_module("product", _product);
        }

        public override Tensor forward(Tensor input)
        {
            var hidden = _layer.call(input);
            return _product.call(hidden, hidden.transpose(1, 2));
        }
    }

    private sealed class Product() : nn.Module<Tensor, Tensor, Tensor>(nameof(Product))
    {
        public override Tensor forward(Tensor input1, Tensor input2) => input1.bmm(input2);
    }
}

using Cookbook;
using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using IsVit.Tool.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Documentation;

/// <summary>What docs/cookbook.md says of graphs as others write them, through nothing but the public API.</summary>
public sealed class CookbookTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly DemoAssets _assets = DemoAssets.Load(DemoAssets.DefaultFolder);

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void FunctionalAttention_StaysInFloat_AndIsListed()
    {
        using var model = Trained(hookable: false);
        var images = Images(64);
        var floatAccuracy = Accuracy(model);

        using var quantized = Quantize(model, images, bits: 8);
        var coverage = quantized.MeasureCoverage(images.narrow(0, 0, 1), ProductSource.Operators);

        Assert.Equal(
            Enumerable.Range(0, 6).SelectMany(static i => Enumerable.Repeat($"blocks.{i}.attn", 2)),
            coverage.Products.Where(static product => !product.IsQuantized).Select(static product => product.Product.Path));
        Assert.InRange(coverage.FloatShare, 0.035, 0.045);
        Assert.DoesNotContain(quantized.Attachment.Bindings, static binding => binding.Site.Role == SiteRole.PostSoftmax);
        Assert.InRange(Accuracy(model), floatAccuracy - 0.5, 100);
    }

    [Fact]
    public void FunctionalAttention_WithItsProductsInAModule_GivesTheSameAndIsQuantized()
    {
        using var functional = Trained(hookable: false);
        using var model = Trained(hookable: true);
        var images = Images(64);
        using (no_grad())
        {
            Assert.InRange((functional.call(images) - model.call(images)).abs().max().item<float>(), 0, 1e-4f);
        }

        using var quantized = Quantize(model, images, bits: 4);

        Assert.Equal(0, quantized.MeasureCoverage(images.narrow(0, 0, 1), ProductSource.Operators).FloatShare);
        Assert.Equal(
            Enumerable.Range(0, 6).Select(static i => $"blocks.{i}.attn.attend.av:left"),
            quantized.Attachment.Bindings.Where(static binding => binding.Site.Role == SiteRole.PostSoftmax).Select(static binding => binding.Site.Id));
        Assert.InRange(Accuracy(model), 89, 100);
    }

    [Fact]
    public void TransformerEncoder_IsRefusedByName_OrIgnoredAndListed()
    {
        using var model = Encoder();
        var images = Images(64);

        var error = Assert.Throws<QuantizationException>(() => Quantize(model, images, bits: 8));
        using var quantized = Quantize(model, images, bits: 8, new TraceOptions { Ignore = ["encoder"] });

        Assert.Contains("'encoder' is a TransformerEncoder, whose matrix products no hook can reach", error.Message, StringComparison.Ordinal);
        Assert.Contains("EncoderLayer.From", error.Message, StringComparison.Ordinal);
        var coverage = quantized.MeasureCoverage(images.narrow(0, 0, 1), ProductSource.Operators);
        Assert.All(coverage.Products, static product => Assert.Equal(product.Product.Path != "encoder", product.IsQuantized));
        Assert.Equal(12, coverage.Products.Count(static product => product.Product.Path == "encoder"));
        Assert.InRange(coverage.FloatShare, 0.95, 0.96);
    }

    [Fact]
    public void TransformerEncoder_OfModules_GivesTheSameAndIsQuantized()
    {
        using var trained = Encoder();
        using var model = new HookableEncoderViT(trained);
        model.eval();
        var images = Images(64);
        Tensor wanted;
        using (no_grad())
        {
            wanted = trained.call(images);
            Assert.InRange((wanted - model.call(images)).abs().max().item<float>(), 0, 1e-5f);
        }

        using var quantized = Quantize(model, images, bits: 8);

        Assert.Equal(0, quantized.MeasureCoverage(images.narrow(0, 0, 1), ProductSource.Operators).FloatShare);
        Assert.Equal(["patches", "encoder.0", "encoder.1", "head"], quantized.Attachment.Graph.Units.Select(static unit => unit.Path));

        // What LayerNorm gives is read by a residual connection too, so its scale cannot move.
        Assert.DoesNotContain(quantized.Attachment.Bindings, static binding => binding.Site.Role == SiteRole.PostLayerNorm);
        Assert.InRange(Optimization.Micro.Distance(wanted, quantized.Predict(images)), 1e-5, 0.05);
    }

    [Fact]
    public void MultiheadAttention_OfModules_GivesTheSame()
    {
        using var attention = nn.MultiheadAttention(12, 3);
        using var plain = nn.MultiheadAttention(12, 3, bias: false);
        attention.eval();
        var x = Seeded.Normal(1, 5, 2, 12);
        using var noGrad = no_grad();
        foreach (var native in new[] { attention, plain })
        {
            using var copy = Attention.From(native, 3);

            Assert.Equal(ReferenceEquals(native, plain), copy.Qkv.bias is null);
            var expected = native.call(x, x, x, null, false, null).Item1.transpose(0, 1);
            native.eval();
            Assert.InRange((expected - copy.call(x.transpose(0, 1))).abs().max().item<float>(), 0, 1e-5f);
        }
    }

    [Fact]
    public void MultiheadAttention_OfAnotherKind_SaysWhatDoesNotFit()
    {
        using var wide = nn.MultiheadAttention(12, 3, kdim: 6, vdim: 5);
        using var biased = nn.MultiheadAttention(12, 3, add_bias_kv: true);
        using var attention = nn.MultiheadAttention(12, 3);

        Assert.Contains("without 'in_proj_weight'", Assert.Throws<ArgumentException>(() => Attention.From(wide, 3)).Message, StringComparison.Ordinal);
        Assert.Contains("with bias_k, bias_v cannot be copied", Assert.Throws<ArgumentException>(() => Attention.From(biased, 3)).Message, StringComparison.Ordinal);
        Assert.Contains("headCount (2) is not what it was made with", Assert.Throws<ArgumentException>(() => Attention.From(attention, 2)).Message, StringComparison.Ordinal);
        Assert.True(attention.training);
    }

    [Theory]
    [InlineData(nn.Activations.GELU, 2)]
    [InlineData(nn.Activations.ReLU, 4)]
    public void EncoderLayer_WrongHeadsOrActivation_IsRefused(nn.Activations activation, int heads)
    {
        using var layer = nn.TransformerEncoderLayer(12, 2, 20, 0.1, nn.Activations.ReLU);
        using var right = EncoderLayer.From(layer, 2);

        var error = Assert.Throws<ArgumentException>(() => EncoderLayer.From(layer, heads, activation));

        Assert.Contains($"headCount ({heads}) and activation ({activation}) is not what it was made with", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ConvolutionalNetwork_IsReconstructedBlockByBlockWithUniformQuantizers()
    {
        random.manual_seed(1);
        using var model = torchvision.models.resnet18(num_classes: 10);
        var images = Images(24).expand(-1, 3, -1, -1).contiguous();
        using (no_grad())
        {
            model.train();
            for (var i = 0; i < 20; i++)
            {
                model.call(images);
            }
        }

        model.eval();
        Tensor wanted;
        using (no_grad())
        {
            wanted = model.call(images);
        }

        // Without compensation, whose matrices are wide here: 4608 numbers for each output of the last convolutions.
        using var quantized = Quantize(model, images, bits: 4, configure: static o => (o.Recipe, o.Reconstruction.Iterations, o.Reconstruction.LearningRate) = (RecipeNames.Released, 8, 2e-4));

        Assert.Equal(0, quantized.MeasureCoverage(images.narrow(0, 0, 1), ProductSource.Operators).FloatShare);
        Assert.All(quantized.Attachment.Bindings, static binding => Assert.Equal("uniform", binding.Quantizer.Scheme));
        Assert.DoesNotContain(quantized.Attachment.Bindings, static binding => binding.Site.Role is SiteRole.PostLayerNorm or SiteRole.PostSoftmax);
        Assert.Equal(
            ["conv1", .. Enumerable.Range(1, 4).SelectMany(static layer => new[] { $"layer{layer}.0", $"layer{layer}.1" }), "fc"],
            quantized.Attachment.Graph.Units.Select(static unit => unit.Path));
        UnitAssert.SomeImproved(quantized.Report!.Units);
        Assert.Contains(quantized.Report.Units, static unit => unit.Unit.StartsWith("layer", StringComparison.Ordinal) && unit.LossAfter < unit.LossBefore);
        Assert.InRange(Optimization.Micro.Distance(wanted, quantized.Predict(images)), 1e-5, 0.9);
    }

    [Fact]
    public void ConvolutionsChannels_CanHaveAScaleEach()
    {
        using var model = nn.Sequential(("first", nn.Conv2d(1, 6, 3)), ("act", nn.ReLU()), ("second", nn.Conv2d(6, 4, 3)), ("flat", nn.Flatten()), ("head", nn.Linear(4 * 24 * 24, 10)));
        model.eval();

        using var quantized = Quantize(model, Images(16), bits: 4, configure: static o => o.Overrides = [new() { Pattern = "second", Operand = SiteOperand.Input, Scheme = SchemeNames.UniformMse, Granularity = "channel:1" }]);

        var quantizer = quantized.Attachment.Find("second:input")!.Quantizer;
        Assert.Equal(Granularity.Channel(1), quantizer.Granularity);
        Assert.Equal(6, quantizer.ExportParameters().Values["scale"].Distinct().Count());
        var error = Assert.Throws<QuantizationException>(() => Quantize(
            nn.Sequential(("fc", nn.Linear(28, 4))), Images(4), bits: 4, configure: static o => o.Overrides = [new() { Pattern = "fc", Granularity = "channel:7" }]));
        Assert.Contains("axis 7", error.Message, StringComparison.Ordinal);
    }

    private static QuantizedModel Quantize(nn.Module<Tensor, Tensor> model, Tensor images, int bits, TraceOptions? trace = null, Action<QuantizationOptions>? configure = null)
    {
        var quantizer = ModelQuantizer.Create(options =>
        {
            options.WeightBits = options.ActivationBits = bits;
            options.Reconstruction.Iterations = 4;
            options.OutputTuning.Steps = 4;
            configure?.Invoke(options);
        });
        return quantizer.Quantize(model, images, trace is null ? null : new QuantizationRun { Trace = trace }, TestContext.Current.CancellationToken);
    }

    private static FunctionalViT Trained(bool hookable)
    {
        var model = new FunctionalViT(hookable);
        StateDict.Load(model, Path.Combine(DemoAssets.DefaultFolder, "vit_fashion.safetensors"));
        model.eval();
        return model;
    }

    private static EncoderViT Encoder()
    {
        random.manual_seed(2);
        var model = new EncoderViT();
        model.eval();
        return model;
    }

    private Tensor Images(int count) => PixelTensor.Normalized(_assets.Calibration.AsSpan(0, count * 784), 28, 28);

    private double Accuracy(nn.Module<Tensor, Tensor> model) => DemoTrainer.TestAccuracy(model, _assets.Test, TestContext.Current.CancellationToken);
}

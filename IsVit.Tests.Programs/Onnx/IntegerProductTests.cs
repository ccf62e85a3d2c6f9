using Google.Protobuf;
using IsVit.Core.Graph;
using IsVit.Onnx.Schema;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Onnx;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;
using IsVit.Onnx.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>What ONNX Runtime makes of quantized products: integer kernels, and the library's sums.</summary>
public sealed class IntegerProductTests
{
    private const int Inputs = 96;
    private const int Outputs = 24;
    private static readonly string[] s_kernels = ["MatMulIntegerToFloat", "QLinearMatMul"];

    public static TheoryData<int, int, bool> Widths => new(
        from weightBits in new[] { 2, 3, 4, 5, 6, 7, 8 } from activationBits in new[] { 4, 8 } from symmetric in new[] { true, false } select (weightBits, activationBits, symmetric));

    /// <summary>Codes and weights as large as they get: where sums of two products leave 16 bits, signed 8-bit weights would saturate on processors with AVX2 alone.</summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void Linear_LargestCodes_SumsAreTheLibrarys(int weightBits, int activationBits, bool symmetric)
    {
        using var scope = NewDisposeScope();
        var weight = Seeded.Normal(1, Outputs, Inputs).sign() * Seeded.Uniform(2, Outputs, Inputs).clamp_min(0.8f);
        using var layer = Layer(weight);
        using var weights = new UniformQuantizer(weightBits, Granularity.Channel(0), UniformOptions.Weights with { RangeObserver = RangeObserver.MinMax, Symmetric = symmetric });
        weights.Calibrate(weight);
        using var activations = new UniformQuantizer(activationBits, Granularity.Tensor, UniformOptions.Activations with { RangeObserver = RangeObserver.MinMax });
        var x = cat([Seeded.Uniform(3, 1, 40, Inputs), ones(1, 8, Inputs)], 1) - 0.1f;
        activations.Calibrate(x);

        var (actual, operations) = Run(layer, weights, activations, x, OnnxKernels.Exact);

        TensorAssert.Close(Expected(layer, weights.FakeQuantize(weight), activations.FakeQuantize(x)), actual, new Tolerance(1e-5, 1e-5));
        Assert.Contains("MatMulIntegerToFloat", operations);
        Assert.DoesNotContain("MatMul", operations);
    }

    /// <summary>Weights whose rows do not hold zero, one scale for all, activations in float: nothing but their sums is asked for.</summary>
    [Theory]
    [InlineData("one scale")]
    [InlineData("rows without zero")]
    [InlineData("rows far from zero")]
    [InlineData("activations in float")]
    [InlineData("activations without zero")]
    [InlineData("activations per channel")]
    public void Linear_OtherQuantizers_SumsAreTheLibrarys(string kind)
    {
        using var scope = NewDisposeScope();
        var weight = Seeded.Normal(1, Outputs, Inputs) + (kind switch { "rows without zero" => 9, "rows far from zero" => 9000, _ => 0 });
        using var layer = Layer(weight);
        using var weights = new UniformQuantizer(4, kind == "one scale" ? Granularity.Tensor : Granularity.Channel(0), UniformOptions.Weights with { RangeObserver = RangeObserver.MinMax });
        weights.Calibrate(weight);
        var x = Seeded.Normal(3, 1, 40, Inputs) + (kind == "activations without zero" ? 30 : 0);
        using var activations = new UniformQuantizer(8, kind == "activations per channel" ? Granularity.Channel(-1) : Granularity.Tensor);
        activations.Calibrate(x);

        var inFloat = kind == "activations in float";
        var (actual, operations) = Run(layer, weights, inFloat ? null : activations, x, OnnxKernels.Exact);

        // Products of 9000 cancel, and leave what float32 rounds of them.
        TensorAssert.Close(Expected(layer, weights.FakeQuantize(weight), inFloat ? x : activations.FakeQuantize(x)), actual, new Tolerance(1e-5, kind == "rows far from zero" ? 0.1 : 1e-4));
        Assert.Equal(kind is "one scale" or "rows without zero", operations.Contains("MatMulIntegerToFloat"));
        Assert.DoesNotContain("MatMulNBits", operations);
    }

    [Theory]
    [InlineData(8, true, "MatMulIntegerToFloat")]
    [InlineData(4, false, "MatMulNBits")]
    public void Linear_FastKernels_AreThoseOfTheRuntime(int bits, bool isQuantized, string kernel)
    {
        using var scope = NewDisposeScope();
        var weight = Seeded.Normal(1, Outputs, Inputs);
        using var layer = Layer(weight);
        using var weights = new UniformQuantizer(bits, Granularity.Channel(0), UniformOptions.Weights with { Symmetric = true });
        weights.Calibrate(weight);
        using var activations = new UniformQuantizer(8, Granularity.Tensor);
        var x = Seeded.Normal(3, 1, 40, Inputs);
        activations.Calibrate(x);

        var (actual, operations) = Run(layer, weights, isQuantized ? activations : null, x, OnnxKernels.Fast);

        Assert.Contains(kernel, operations);

        // Sums that saturate are wrong by much, but few.
        var errors = (actual - Expected(layer, weights.FakeQuantize(weight), isQuantized ? activations.FakeQuantize(x) : x)).abs().flatten();
        Assert.InRange(errors.quantile(tensor(0.98f)).item<float>(), 0, 0.2);
    }

    /// <summary>Every product of a model of uniform quantizers is one of integers.</summary>
    [Theory]
    [InlineData("w8a8", 12 + 4)]
    [InlineData("w7a8", 12 + 4)]
    [InlineData("w4a8", 12 + 4)]
    [InlineData("w4a16", 0)]
    public void Save_Preset_ProductsAreOfIntegers(string name, int count)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        var preset = QuantizationPresets.All.Single(preset => preset.Name == name);
        using var quantized = Micro.Quantizer(options => options.Use(preset)).Run(model, Micro.Images());
        var images = Micro.Images(7);

        OnnxExport.Save(quantized, folder["model.onnx"]);

        using var runtime = new OnnxModel(folder["model.onnx"], optimized: folder["optimized.onnx"]);
        var operations = Operations(folder["optimized.onnx"]);
        Assert.Equal(count + (count > 0 ? 1 : 0), operations.Count(s_kernels.Contains));
        Assert.Equal(count > 0 ? 0 : 17, operations.Count(static operation => operation is "MatMul" or "FusedMatMul"));
        Assert.DoesNotContain("MatMulNBits", operations);
        var (expected, actual) = (quantized.Predict(images), runtime.Run(images));
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());
        var distances = (actual - expected).norm(1).div(expected.norm(1)).data<float>().ToArray().Order().ToArray();
        Assert.InRange(distances[distances.Length / 2], 0, 1e-4);
        Assert.Equal("Exact", runtime.Metadata["isvit.kernels"]);
    }

    [Theory]
    [InlineData(127, 0, true)]
    [InlineData(64, 64, true)]
    [InlineData(65, 64, false)]
    [InlineData(-65, -64, false)]
    [InlineData(100, -100, true)]
    public void AreExact_PairOfWeights_IsItsSum(int even, int odd, bool expected)
    {
        const int Rows = 5, Columns = 3;
        var weight = new int[Rows * Columns];
        (weight[(2 * Columns) + 1], weight[(3 * Columns) + 1]) = (even, odd);

        Assert.Equal(expected, IntegerProducts.AreExact(weight, Columns, 255));
        Assert.True(IntegerProducts.AreExact(weight, Columns, 127));
    }

    private static TorchSharp.Modules.Linear Layer(Tensor weight)
    {
        var layer = nn.Linear(Inputs, Outputs);
        using var noGrad = no_grad();
        layer.weight.copy_(weight);
        return layer;
    }

    private static Tensor Expected(TorchSharp.Modules.Linear layer, Tensor weight, Tensor x) =>
        (x.to(float64).matmul(weight.to(float64).t()) + layer.bias!.to(float64)).to(float32).detach();

    private static (Tensor Output, IReadOnlyList<string> Operations) Run(TorchSharp.Modules.Linear layer, UniformQuantizer weights, UniformQuantizer? activations, Tensor x, OnnxKernels kernels)
    {
        using var folder = new TemporaryFolder();
        List<SiteBinding> bindings = [new(new Site("fc", SiteOperand.Weight, SiteRole.Weight), weights)];
        if (activations is not null)
        {
            bindings.Add(new(new Site("fc", SiteOperand.Input, SiteRole.Other), activations));
        }

        var graph = new OnnxGraph("layer");
        var input = graph.Input("x", "batch", x.shape.AsSpan(1));
        graph.Output(new LayerNodes(graph, new SiteNodes(bindings, kernels)).Linear("fc", layer, input), "y", "batch", x.shape[1], Outputs);
        File.WriteAllBytes(folder["layer.onnx"], graph.Model().ToByteArray());
        using var runtime = new OnnxModel(folder["layer.onnx"], optimized: folder["optimized.onnx"]);
        return (runtime.Run(x), Operations(folder["optimized.onnx"]));
    }

    private static IReadOnlyList<string> Operations(string path) => [.. ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph.Node.Select(static node => node.OpType)];
}

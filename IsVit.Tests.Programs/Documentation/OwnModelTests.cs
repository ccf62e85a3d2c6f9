using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Tests.TestSupport;
using OwnModel;
using TorchSharp;

namespace IsVit.Tests.Programs.Documentation;

/// <summary>What docs/attaching-to-your-model.md says about a model that knows nothing of the library.</summary>
public sealed class OwnModelTests : IDisposable
{
    private static readonly string[] Readers = ["query", "key", "value"];
    private readonly DisposeScope _scope = torch.NewDisposeScope();
    private readonly Encoder _model = new(width: 32, depth: 2, classes: 10);

    private static TraceOptions Products => new() { MatrixProducts = (_, module) => module is Product };

    private static TraceOptions Declared => Products with
    {
        Roles = [new RoleDeclaration("classifier", SiteOperand.Input, SiteRole.PostLayerNorm, "norm")],
        Attentions =
        [
            new AttentionDeclaration(1)
            {
                Query = new("layers.*.query", 32),
                Key = new("layers.*.key", 32),
                Value = new("layers.*.value", 32),
                Output = "layers.*.output",
            },
        ],
    };

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Trace_RolledLayerNormIsSeenThrough_ItsMeanIsNotUntilDeclared()
    {
        var images = Seeded.Normal(1, 1, 3, 32, 32);

        var found = ModuleGraph.Trace(_model, images, Products).Sites.ToDictionary(site => site.Id, site => site.Role);
        var declared = ModuleGraph.Trace(_model, images, Declared).Sites.ToDictionary(site => site.Id, site => site.Role);

        Assert.All(Readers, reader => Assert.Equal(SiteRole.PostLayerNorm, found[$"layers.1.{reader}:input"]));
        Assert.Equal((SiteRole.Other, SiteRole.PostLayerNorm), (found["classifier:input"], declared["classifier:input"]));
        Assert.Equal(SiteRole.PostLayerNorm, found["layers.1.expand:input"]);
        Assert.Equal(SiteRole.PostSoftmax, found["layers.1.mixture:left"]);
        Assert.Equal(SiteRole.PostGelu, found["layers.1.contract:input"]);
        Assert.Equal(SiteRole.ModelInput, found["stem:input"]);
    }

    [Fact]
    public void Trace_WithoutDeclaredUnits_FindsThoseOfTheSample()
    {
        var graph = ModuleGraph.Trace(_model, Seeded.Normal(1, 1, 3, 32, 32), Products);

        Assert.Equal(["stem", "layers.0", "layers.1", "classifier"], graph.Units.Select(unit => unit.Path));
    }

    [Fact]
    public void Trace_WithoutMatrixProducts_QuantizesTheSoftmaxOutputInstead()
    {
        var sites = ModuleGraph.Trace(_model, Seeded.Normal(1, 1, 3, 32, 32)).Sites.Select(site => site.Id).ToList();

        Assert.Contains("layers.0.softmax:output", sites);
        Assert.DoesNotContain(sites, id => id.Contains("mixture", StringComparison.Ordinal));
    }

    [Fact]
    public void Quantize_AsTheSample_GivesAModelNearTheFloatOne()
    {
        var images = Seeded.Uniform(2, 16, 3, 32, 32);
        var expected = _model.call(images).detach().clone();
        var quantizer = ModelQuantizer.Create(o =>
        {
            (o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations, o.Reconstruction.BatchSize) = (8, 8, 2, 8);
            o.Overrides = [new() { Pattern = "classifier", Bits = 6 }, new() { Pattern = "stem", Quantize = false }];
        });

        using var quantized = quantizer.Quantize(_model, images, new QuantizationRun { Trace = Declared }, TestContext.Current.CancellationToken);

        Assert.Equal((BitWidth)6, quantized.Attachment.Find("classifier:weight")!.Quantizer.Bits);
        Assert.Null(quantized.Attachment.Find("stem:weight"));
        Assert.InRange(((quantized.Predict(images) - expected).norm() / expected.norm()).item<float>(), 1e-6f, 0.1f);
    }
}

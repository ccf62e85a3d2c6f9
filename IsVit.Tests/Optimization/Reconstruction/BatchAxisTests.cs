using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

/// <summary>Networks that hold images along another axis than the first are reconstructed image by image all the same.</summary>
public sealed class BatchAxisTests
{
    [Fact]
    public void Trace_TokensFirst_FindsTheAxisOfEveryModule()
    {
        using var scope = NewDisposeScope();
        var model = Create(tokensFirst: true);
        var sample = Seeded.Normal(1, 1, 5, 12);

        var axes = BatchAxes.Find(ModuleGraph.Trace(model, sample), new SampleBatch(sample));

        Assert.Equal((0, 0), Axes(""));
        Assert.Equal((0, 0), Axes("stem"));
        Assert.Equal((1, 1), Axes("blocks.0"));
        Assert.Equal((1, 1), Axes("blocks.1.up"));
        Assert.Equal((0, 0), Axes("head"));

        (int?, int?) Axes(string path) => (axes[path].Inputs.Single(), axes[path].Outputs.Single());
    }

    [Fact]
    public void Quantize_TokensFirst_EqualsTheSameNetworkWithImagesFirst()
    {
        using var scope = NewDisposeScope();
        string[] stages =
        [
            StageNames.ActivationCalibration, StageNames.OutputSensitivity, StageNames.ActivationReconstruction, StageNames.Reparameterization, StageNames.WeightCalibration, StageNames.WeightReconstruction,
        ];
        var images = Seeded.Normal(2, 20, 5, 12);
        var (expected, actual) = (Create(tokensFirst: false), Create(tokensFirst: true));

        using var first = Micro.Quantizer(stages, [], Configure).Run(expected, images);
        using var second = Micro.Quantizer(stages, [], Configure).Run(actual, images);

        Assert.Equal(8, first.Report!.Units.Count);
        Assert.All(first.Report.Units.Zip(second.Report!.Units), static pair =>
        {
            Assert.Equal(pair.First.Unit, pair.Second.Unit);
            Assert.InRange(pair.Second.LossBefore, 0.999 * pair.First.LossBefore, 1.001 * pair.First.LossBefore);
            Assert.InRange(pair.Second.LossAfter, 0.999 * pair.First.LossAfter, 1.001 * pair.First.LossAfter);
        });
        Assert.Contains(first.Report.Units, static unit => unit.LossAfter < 0.9 * unit.LossBefore);
        Assert.InRange(Micro.Distance(first.Predict(images), second.Predict(images)), 0, 1e-3);
    }

    [Fact]
    public void Quantize_UnitThatMixesImages_IsNamedWithItsShapes()
    {
        using var scope = NewDisposeScope();
        var mean = new Wired(static (graph, x) => graph.Call("fc", x).mean([0L], keepdim: true), ("fc", nn.Linear(12, 12)));
        var model = new Wired(static (graph, x) => graph.Call("head", x + graph.Call("mean", x)), ("mean", mean), ("head", nn.Linear(12, 4)));
        var trace = new TraceOptions { Units = ["mean", "head"] };

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, Seeded.Normal(1, 8, 12), new() { Trace = trace }));

        Assert.Contains("unit mean [1, 12] -> [1, 12] cannot be reconstructed image by image", error.Message, StringComparison.Ordinal);
    }

    private static void Configure(QuantizationOptions options)
    {
        options.WeightBits = options.ActivationBits = 3;
        options.Reconstruction.Iterations = 40;
    }

    private static Wired Create(bool tokensFirst)
    {
        static Wired Block() => new(
            static (graph, x) => x + graph.Call("down", graph.Call("act", graph.Call("up", graph.Call("norm", x)))),
            ("norm", nn.LayerNorm(12)), ("up", nn.Linear(12, 30)), ("act", nn.GELU()), ("down", nn.Linear(30, 12)));

        var model = new Wired(
            (graph, x) =>
            {
                x = graph.Call("stem", x);
                x = tokensFirst ? x.transpose(0, 1) : x;
                foreach (var block in graph.Part<TorchSharp.Modules.ModuleList<Wired>>("blocks"))
                {
                    x = block.call(x);
                }

                return graph.Call("head", x.mean([tokensFirst ? 0L : 1L]));
            },
            ("stem", nn.Linear(12, 12)), ("blocks", nn.ModuleList(Block(), Block())), ("head", nn.Linear(12, 4)));
        Micro.Enliven(model, 5);
        model.eval();
        return model;
    }
}

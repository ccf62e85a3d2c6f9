using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.MixedPrecision;

public sealed class SensitivityTests
{
    private static readonly SwinTransformerOptions Swin = new()
    {
        ImageSize = 32, PatchSize = 4, EmbedDim = 24, Depths = [2, 2], HeadCounts = [2, 4], WindowSize = 4, ClassCount = 7, MlpRatio = 2,
    };

    public static TheoryData<string> Models => new("vit", "swin", "crossing");

    /// <summary>What is found is what comes of quantizing that site by hand, whatever part of the model ran for it.</summary>
    [Theory]
    [MemberData(nameof(Models))]
    public void MeasureSensitivity_EverySite_IsTheDivergenceOfThatSiteAlone(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Create(name);
        var images = Micro.Images(count: 12);
        var report = Measure(model, images, RecipeNames.MinMax, 5, [3, 6]);

        var graph = ModuleGraph.Trace(model, images[..1]);
        var recipe = QuantizationRecipes.All.Single(static known => known.Name == RecipeNames.MinMax);
        Assert.Equal(graph.Sites.Where(site => recipe.Schemes.ContainsKey(site.Role)).Select(static site => site.Id), report.Sites.Select(static site => site.Site.Id));
        foreach (var bits in new[] { 3, 6 })
        {
            using var attachment = Attach(graph, recipe, bits, images);
            foreach (var site in report.Sites)
            {
                var (divergence, error) = ByHand(attachment, site.Site.Id, images[..5]);

                Assert.Equal(divergence, site.At(bits).Measured!.Value, (divergence * 1e-3) + 1e-9);
                Assert.Equal(error, site.At(bits).OutputError!.Value, (error * 1e-3) + 1e-9);
                Assert.Equal(site.At(bits).Measured, site.At(bits).Divergence);
            }
        }
    }

    /// <summary>What a run would quantize attention with, whose levels are fitted to its product with the values, is what is measured.</summary>
    [Fact]
    public void MeasureSensitivity_FittedAttention_IsMeasuredAsFitted()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images(count: 12);
        var report = Micro.Quantizer([StageNames.ActivationCalibration], [], static options => options.Recipe = RecipeNames.ISVit)
            .MeasureSensitivity(model, images, new SensitivityOptions { Method = SensitivityMethod.Measured, ImageCount = 5, Widths = [3, 4] }, null, TestContext.Current.CancellationToken);

        var graph = ModuleGraph.Trace(model, images[..1]);
        foreach (var bits in new[] { 3, 4 })
        {
            using var attachment = Attach(graph, QuantizationRecipes.All.Single(static known => known.Name == RecipeNames.ISVit), bits, images);
            var fitted = (IProductQuantizer)attachment.Find("blocks.1.attn.av:left")!.Quantizer;
            var hook = model.Blocks[1].Attn.Av.register_forward_hook((_, left, right, y) =>
            {
                fitted.Calibrate(left, right, null);
                return y;
            });
            Micro.Call(model, images);
            hook.remove();

            var (divergence, _) = ByHand(attachment, "blocks.1.attn.av:left", images[..5]);
            var measured = report.Sites.Single(static site => site.Site.Id == "blocks.1.attn.av:left").At(bits).Measured!.Value;
            Assert.Equal(divergence, measured, (divergence * 1e-3) + 1e-9);
        }
    }

    [Fact]
    public void MeasureSensitivity_MoreBits_ChangeTheOutputsLess()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var report = Measure(model, Micro.Images(), RecipeNames.ISVit, 16, [2, 3, 4, 8]);

        Assert.Equal([2, 3, 4, 8], report.Widths);
        Assert.All(report.Sites, static site =>
        {
            Assert.Equal([2, 3, 4, 8], site.Widths.Select(static width => width.Bits));
            Assert.True(site.At(2).Divergence > site.At(3).Divergence && site.At(3).Divergence > site.At(4).Divergence && site.At(4).Divergence > site.At(8).Divergence, site.Site.Id);
            Assert.True(site.At(2).QuantizationError > site.At(8).QuantizationError, site.Site.Id);
        });
        Assert.InRange(report.RankCorrelation!.Value, 0.9, 1);
    }

    [Fact]
    public void MeasureSensitivity_SmallErrors_AreEstimatedAsTheyAreMeasured()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var report = Measure(model, Micro.Images(), RecipeNames.MinMax, 40, [6], draws: 40);

        var ratios = report.Sites.Select(static site => site.At(6).Estimated / site.At(6).Measured!.Value).ToList();
        Assert.All(ratios, static ratio => Assert.InRange(ratio, 0.5, 2));
        Assert.InRange(ratios.Average(), 0.9, 1.15);
        Assert.InRange(report.RankCorrelationAt(6)!.Value, 0.97, 1);
    }

    /// <summary>A linear model's outputs change by exactly what the estimate takes them to.</summary>
    [Fact]
    public void MeasureSensitivity_ValuesOfALinearModel_EstimateIsTheMeasurement()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 5)), ("second", nn.Linear(5, 3)));
        Micro.Enliven(model, 3);
        model.eval();

        var report = Micro.Quantizer(options => (options.Recipe, options.OutputMetric) = (RecipeNames.MinMax, OutputMetric.Values))
            .MeasureSensitivity(model, Seeded.Normal(4, 64, 6), new SensitivityOptions { Method = SensitivityMethod.Measured, ImageCount = 64, DrawCount = 100, Widths = [4] }, null, TestContext.Current.CancellationToken);

        Assert.Equal(["first:weight", "second:input", "second:weight"], report.Sites.Select(static site => site.Site.Id));
        Assert.All(report.Sites, static site =>
        {
            Assert.Equal(1, site.At(4).Estimated / site.At(4).Measured!.Value, 0.1);
            Assert.Equal(3 * site.At(4).OutputError!.Value, site.At(4).Measured!.Value, site.At(4).Measured!.Value * 1e-6);
        });
        Assert.Equal([30, 5, 15], report.Sites.Select(static site => site.Elements));
        Assert.Equal([30, 15, 15], report.Sites.Select(static site => site.MultiplyAccumulates));
        Assert.Equal([SiteSensitivity.ModelInputBits, null, null], report.Sites.Select(static site => site.OtherOperandBits));
        Assert.Equal(8 * sizeof(float), report.OtherParameterBytes);
    }

    [Fact]
    public void MeasureSensitivity_Default_EstimatesOnly()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var report = Micro.Quantizer().MeasureSensitivity(
            model, Micro.Images(), new SensitivityOptions { ImageCount = 4, Widths = [3, 8] }, null, TestContext.Current.CancellationToken);

        Assert.Equal(SensitivityMethod.Estimated, report.Method);
        Assert.Null(report.RankCorrelation);
        Assert.All(report.Sites.SelectMany(static site => site.Widths), static width =>
        {
            Assert.Null(width.Measured);
            Assert.Null(width.OutputError);
            Assert.Equal(width.Estimated, width.Divergence);
        });
        Assert.Equal(4, report.ImageCount);
    }

    /// <summary>Weights are looked at as the recipe quantizes them: heads rotated, the LayerNorms' scales moved into them.</summary>
    [Fact]
    public void MeasureSensitivity_Recipe_LooksAtWeightsBehindTheReparameterization()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var errors = new Dictionary<string, double>(StringComparer.Ordinal);
        using (Micro.Quantizer(
            [StageNames.HeadRotation, StageNames.OutputSensitivity, StageNames.ValueNormalization, StageNames.ActivationCalibration, StageNames.Reparameterization, StageNames.WeightCalibration, "look"],
            [new ProbeStage("look", Look)],
            static options => options.Calibration.Input = CalibrationInput.Full).Run(model, images))
        {
        }

        using var again = Micro.Vit();
        var report = Measure(again, images, RecipeNames.ISVit, 2, [4]);

        Assert.NotEmpty(errors);
        Assert.All(report.Sites.Where(static site => site.IsWeight), site => Assert.Equal(errors[site.Site.Id], site.At(4).QuantizationError, errors[site.Site.Id] * 1e-3));
        Assert.All(report.Sites.Where(static site => site.Site.Role == SiteRole.PostLayerNorm), static site =>
        {
            Assert.Equal("channel:-1", site.Spec.Granularity.ToString());
            Assert.Equal(site.Site.Producer, site.Group);
        });

        void Look(QuantizationContext context)
        {
            foreach (var binding in context.Attachment.Bindings.Where(static binding => binding.IsWeight))
            {
                var weight = SiteWeights.Get(context.Graph, binding.Site).detach();
                errors[binding.Site.Id] = (binding.Quantizer.FakeQuantize(weight) - weight).pow(2).mean().item<float>();
            }
        }
    }

    [Fact]
    public void MeasureSensitivity_Ends_LeavesTheModelAsItWas()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images(count: 8);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        model.train();

        Measure(model, images, RecipeNames.ISVit, 2, [4]);

        Assert.All(model.modules(), static module => Assert.True(module.training));
        model.eval();
        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(20)]
    public void MeasureSensitivity_Cancelled_LeavesTheModelAsItWas(int site)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images(count: 8);
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, images));
        using var source = new CancellationTokenSource();
        var progress = new Reaction(reported =>
        {
            Assert.Equal("sensitivity", reported.Stage);
            if (reported.UnitIndex == site)
            {
                source.Cancel();
            }
        });

        Assert.Throws<OperationCanceledException>(() => Micro.Quantizer().MeasureSensitivity(
            model, images, new SensitivityOptions { Method = SensitivityMethod.Measured, ImageCount = 2, Widths = [4] }, new QuantizationRun { Progress = progress }, source.Token));

        Micro.AssertUntouched(model, parameters, images, output);
    }

    [Fact]
    public void MeasureSensitivity_Runs_LeaveNoTensors()
    {
        using var model = Micro.Vit();
        using var images = Micro.Images(count: 8);

        LiveTensors.AssertNoneLeftBy(() => Measure(model, images, RecipeNames.ISVit, 2, [4]));
    }

    [Fact]
    public void MeasureSensitivity_SiteWithAnOverride_IsPinned()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        var report = Micro.Quantizer(static options => options.Overrides =
        [
            new() { Pattern = "head", Operand = SiteOperand.Weight, Bits = 7 },
            new() { Pattern = "blocks.0.attn.proj", Quantize = false },
            new() { Pattern = "blocks.1.attn.proj", Scheme = "uniform-minmax" },
        ]).MeasureSensitivity(model, Micro.Images(), new SensitivityOptions { ImageCount = 2, Widths = [3, 8] }, null, TestContext.Current.CancellationToken);

        var head = Assert.Single(report.Sites, static site => site.IsPinned);
        Assert.Equal(("head:weight", 7), (head.Site.Id, Assert.Single(head.Widths).Bits));
        Assert.DoesNotContain(report.Sites, static site => site.Site.Path == "blocks.0.attn.proj");
        Assert.All(report.Sites.Where(static site => site.Site.Path == "blocks.1.attn.proj"), static site => Assert.Equal(("uniform-minmax", false), (site.Spec.Scheme, site.IsPinned)));
        Assert.Equal([3, 4, 8], report.Sites[0].Widths.Select(static width => width.Bits));
    }

    [Fact]
    public void Quantize_AllocatedBits_AreThoseOfTheModel()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = new ThreeReaders();
        var images = Seeded.Normal(4, 40, 4, 12);
        var report = Micro.Quantizer(Pin).MeasureSensitivity(model, images, new SensitivityOptions { ImageCount = 8 }, null, TestContext.Current.CancellationToken);
        var allocation = BitAllocation.Choose(report, BitBudget.MeanBits(4));

        using var quantized = Micro.Quantizer(options =>
        {
            Pin(options);
            options.Overrides = [.. options.Overrides, .. allocation.Overrides];
        }).Run(model, images);

        Assert.Equal(allocation.Sites.Select(static site => (site.Site.Site.Id, site.Bits)), quantized.Attachment.Bindings.Select(static binding => (binding.Site.Id, binding.Quantizer.Bits.Bits)));
        Assert.True(allocation.Sites.Select(static site => site.Bits).Distinct().Count() > 1);
        Assert.Equal(6, allocation.Sites.Single(static site => site.Site.Site.Id == "head:weight").Bits);
        Assert.InRange(allocation.MeanWeightBits!.Value, 3.5, 4);
        Assert.InRange(allocation.MeanActivationBits!.Value, 3, 4);
        var readers = allocation.Sites.Where(static site => site.Site.Site is { Role: SiteRole.PostLayerNorm }).ToList();
        Assert.Equal(3, readers.Count);
        Assert.Single(readers.Select(static reader => reader.Bits).Distinct());

        quantized.Save(folder["model.safetensors"]);
        using var fresh = new ThreeReaders();
        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);
        TensorAssert.Identical(quantized.Predict(images), loaded.Predict(images));

        static void Pin(QuantizationOptions options) => options.Overrides = [new() { Pattern = "head", Operand = SiteOperand.Weight, Bits = 6 }];
    }

    public static TheoryData<string, Action<SensitivityOptions>> OutOfRange => new()
    {
        { "ImageCount is 0; allowed is 1 to 2147483647.", static o => o.ImageCount = 0 },
        { "DrawCount is 0; allowed is 1 to 1024.", static o => o.DrawCount = 0 },
        { "Method is 7; allowed is Estimated or Measured.", static o => o.Method = (SensitivityMethod)7 },
        { "Widths is empty; allowed is one or more of 2 to 8.", static o => o.Widths = [] },
        { "Widths is empty; allowed is one or more of 2 to 8.", static o => o.Widths = null! },
        { "Widths[1] is 9; allowed is 2 to 8.", static o => o.Widths = [4, 9] },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void MeasureSensitivity_OptionOutOfRange_NamesIt(string expected, Action<SensitivityOptions> change)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var options = new SensitivityOptions();
        change(options);

        Assert.Equal(expected, Assert.Throws<OptionsException>(() => Micro.Quantizer().MeasureSensitivity(model, Micro.Images(count: 2), options, null, TestContext.Current.CancellationToken)).Message);
    }

    private static SensitivityReport Measure(nn.Module<Tensor, Tensor> model, Tensor images, string recipe, int imageCount, IList<int> widths, int draws = 4) =>
        Micro.Quantizer(options => options.Recipe = recipe).MeasureSensitivity(
            model, images, new SensitivityOptions { Method = SensitivityMethod.Measured, ImageCount = imageCount, Widths = widths, DrawCount = draws }, null, TestContext.Current.CancellationToken);

    private static nn.Module<Tensor, Tensor> Create(string name)
    {
        nn.Module<Tensor, Tensor> model = name switch
        {
            "vit" => Micro.Vit(),
            "swin" => Swin.Create(),

            // The second unit's input is not all that its outputs depend on.
            _ => new Wired(
                static (model, x) =>
                {
                    var first = model.Call("first", x.flatten(1));
                    return model.Call("last", model.Call("second", first) + first);
                },
                ("first", nn.Linear(3072, 24)),
                ("second", nn.Sequential(("a", nn.Linear(24, 30)), ("b", nn.GELU()), ("c", nn.Linear(30, 24)))),
                ("last", nn.Linear(24, 6))),
        };
        Micro.Enliven(model, 1);
        model.eval();
        return model;
    }

    private static GraphAttachment Attach(ModuleGraph graph, QuantizationRecipe recipe, int bits, Tensor images)
    {
        var registry = BuiltIn.CreateRegistry();
        var options = new QuantizationOptions { WeightBits = bits, ActivationBits = bits };
        var attachment = GraphAttachment.Attach(graph, site => options.SpecFor(site, recipe.Schemes) is { } spec ? registry.Create(spec, site.Role == SiteRole.Weight) : null);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.Calibrating;
        }

        Micro.Call(graph.Forward, images);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.Off;
        }

        return attachment;
    }

    private static (double Divergence, double Error) ByHand(GraphAttachment attachment, string site, Tensor images)
    {
        var wanted = Micro.Call(attachment.Graph.Forward, images).to(float64);
        var binding = attachment.Find(site)!;
        binding.State = SiteState.Quantized;
        var found = Micro.Call(attachment.Graph.Forward, images).to(float64);
        binding.State = SiteState.Off;
        var (p, q) = (nn.functional.softmax(wanted, 1), nn.functional.softmax(found, 1));
        return ((p * (p / q).log()).sum(1L).mean().item<double>(), (found - wanted).pow(2).mean().item<double>());
    }

    private sealed class Reaction(Action<QuantizationProgress> react) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => react(value);
    }

    private sealed class ThreeReaders : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm norm = nn.LayerNorm(12);
        private readonly Linear query = nn.Linear(12, 16);
        private readonly Linear key = nn.Linear(12, 16);
        private readonly Linear value = nn.Linear(12, 16);
        private readonly Linear head = nn.Linear(16, 5);

        public ThreeReaders()
            : base(nameof(ThreeReaders))
        {
            RegisterComponents();
            Micro.Enliven(this, 7);
            eval();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = norm.call(input);
            return scope.MoveToOuter(head.call((query.call(x) * key.call(x).tanh() * value.call(x)).mean([1])));
        }
    }
}

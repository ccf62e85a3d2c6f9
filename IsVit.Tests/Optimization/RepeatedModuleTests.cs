using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>Modules that run several times in one forward, such as a head that the levels of a pyramid share.</summary>
public sealed class RepeatedModuleTests
{
    [Theory]
    [InlineData(CalibrationInput.Full)]
    [InlineData(CalibrationInput.Quantized)]
    public void Calibration_LayerRunsTwice_SeesBothCalls(CalibrationInput input)
    {
        using var scope = NewDisposeScope();
        using var model = new Levels();
        var images = Images();
        using var expected = new UniformQuantizer(4, Granularity.Tensor);
        expected.Calibrate(cat([Fine(images).reshape(-1), Coarse(images).reshape(-1)]));
        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration], [], options => (options.Recipe, options.Calibration.Input) = (RecipeNames.Percentile, input)).Run(model, images);

        Assert.Equal(Scales(expected), Scales(quantized.Attachment.Find("heads.shared:input")!.Quantizer));
        Assert.Equal(SiteState.Quantized, quantized.Attachment.Find("heads.shared:input")!.State);
    }

    // Calls of different shapes have their channels in common.
    [Theory]
    [InlineData(SiteState.Calibrating)]
    [InlineData(SiteState.CalibratingThenQuantized)]
    public void Calibration_ByChannel_SeesBothCallsOfEachChannel(SiteState state)
    {
        using var scope = NewDisposeScope();
        using var model = new Levels();
        var images = Images();
        using var expected = new UniformQuantizer(4, Granularity.Channel(1));
        expected.Calibrate(cat([Fine(images).flatten(2), Coarse(images).flatten(2)], 2));
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, images), static site => site.Id == "heads.shared:input" ? new UniformQuantizer(4, Granularity.Channel(1)) : null);
        var binding = attachment.Find("heads.shared:input")!;
        binding.State = state;
        Micro.Call(model, images);
        binding.State = SiteState.Quantized;

        Assert.Equal(Scales(expected), Scales(binding.Quantizer));
    }

    [Fact]
    public void BiasCorrection_LayerRunsTwice_KeepsTheMeanOfBothCalls()
    {
        using var scope = NewDisposeScope();
        using var model = new Levels();
        var images = Images();
        var (wanted, _) = Means(model, images);
        using var quantized = Micro.Quantizer(
            [StageNames.ActivationCalibration, StageNames.WeightCalibration, StageNames.BiasCorrection], [], static options => (options.WeightBits, options.ActivationBits) = (3, 3)).Run(model, images);

        var (corrected, without) = Means(model, images);
        TensorAssert.Close(wanted, corrected, new(1e-4, 1e-4));
        Assert.True((wanted - without).abs().max().item<double>() > 1e-2);
    }

    [Fact]
    public void Quantize_WholeRecipe_ReconstructsTheUnitAroundTheLayer()
    {
        using var scope = NewDisposeScope();
        using var model = new Levels();
        using var quantized = Micro.Quantizer().Run(model, Images());

        Assert.Equal(["heads.shared:input", "heads.shared:weight", "last:input", "last:weight"], quantized.Attachment.Bindings.Select(static binding => binding.Site.Id));
        Assert.Equal(["heads", "last"], quantized.Attachment.Graph.Units.Select(static unit => unit.Path));
        Assert.Contains(quantized.Report!.Units, static unit => unit is { Unit: "heads", Stage: StageNames.WeightReconstruction });
        Assert.All(quantized.Report!.Units, static unit => Assert.True(unit.LossAfter <= unit.LossBefore, unit.ToString()));
    }

    private static Tensor Images() => Seeded.Normal(3, Micro.ImageCount, 4, 8, 8);

    private static Tensor Fine(Tensor images) => images;

    private static Tensor Coarse(Tensor images) => nn.functional.avg_pool2d(images, 2).Times(5).Plus(1);

    private static IReadOnlyList<double> Scales(Core.Quantization.IQuantizer quantizer) => quantizer.ExportParameters().Required("scale");

    // The means of what the layer gives, with its own bias, and what they would be with the bias it began with.
    private static (Tensor Mean, Tensor Uncorrected) Means(Levels model, Tensor images)
    {
        var rows = new List<Tensor>();
        var hook = model.Shared.register_forward_hook((_, _, y) =>
        {
            rows.Add(y.detach().movedim([1L], [0L]).flatten(1).DetachFromDisposeScope());
            return y;
        });
        Micro.Call(model, images);
        hook.remove();
        var mean = cat([.. rows], 1).mean([1L]).to(float64);
        return (mean, mean - model.Shared.bias!.detach().to(float64) + model.Initial.to(float64));
    }

    private sealed class Heads : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Conv2d shared;

        public Heads()
            : base(nameof(Heads))
        {
            shared = nn.Conv2d(4, 6, 3, padding: 1);
            RegisterComponents();
        }

        public Conv2d Shared => shared;

        public override Tensor forward(Tensor fine, Tensor coarse)
        {
            using var scope = NewDisposeScope();
            return scope.MoveToOuter(cat([Pooled(fine), Pooled(coarse)], 1));
        }

        private Tensor Pooled(Tensor level) => nn.functional.relu(shared.call(level)).mean([2L, 3L]);
    }

    private sealed class Levels : nn.Module<Tensor, Tensor>
    {
        private readonly Heads heads;
        private readonly Linear last;

        public Levels()
            : base(nameof(Levels))
        {
            heads = new Heads();
            last = nn.Linear(12, 5);
            RegisterComponents();
            Micro.Enliven(this, 5);
            eval();
            Initial = Shared.bias!.detach().clone().DetachFromDisposeScope();
        }

        public Conv2d Shared => heads.Shared;

        public Tensor Initial { get; }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return scope.MoveToOuter(last.call(heads.call(Fine(input), Coarse(input))));
        }

        protected override void Dispose(bool disposing)
        {
            Initial.Dispose();
            base.Dispose(disposing);
        }
    }
}

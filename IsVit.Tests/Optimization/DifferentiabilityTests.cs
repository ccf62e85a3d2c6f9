using IsVit.Core.Arithmetic;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>Models that have no way back, and callers who turned gradients off.</summary>
public sealed class DifferentiabilityTests
{
    public enum Obstacle
    {
        NoGrad,
        InferenceMode,
        Detach,
        ChangedInPlace,
        Argmax,
    }

    public enum CallerMode
    {
        NoGrad,
        InferenceMode,
    }

    [Theory]
    [InlineData(Obstacle.NoGrad)]
    [InlineData(Obstacle.InferenceMode)]
    [InlineData(Obstacle.Detach)]
    [InlineData(Obstacle.ChangedInPlace)]
    [InlineData(Obstacle.Argmax)]
    public void Quantize_OutputsWithoutDerivatives_NamesTheStageAndLeavesTheModel(Obstacle obstacle)
    {
        using var scope = NewDisposeScope();
        using var model = new Obstructed(obstacle);
        var images = Seeded.Normal(1, 24, 6);
        var (before, output) = (Micro.Copy(model), Micro.Call(model, images));
        var progress = new RecordingProgress();

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, images, new QuantizationRun { Progress = progress }));

        Assert.StartsWith($"Stage '{StageNames.OutputSensitivity}' needs the derivatives of the model's outputs", error.Message, StringComparison.Ordinal);
        Assert.Empty(progress.Reports);
        Micro.AssertUntouched(model, before, images, output);
    }

    [Theory]
    [InlineData(Obstacle.NoGrad)]
    [InlineData(Obstacle.Detach)]
    [InlineData(Obstacle.ChangedInPlace)]
    [InlineData(Obstacle.Argmax)]
    public void Quantize_OutputsWithoutDerivatives_RecipesThatNeedNoneQuantize(Obstacle obstacle)
    {
        using var scope = NewDisposeScope();
        using var model = new Obstructed(obstacle);
        var images = Seeded.Normal(1, 24, 6);

        // Units are reconstructed one by one, and each of them can be gone back through.
        using var quantized = Micro.Quantizer(static options => (options.Recipe, options.WeightBits) = (RecipeNames.Released, 3)).Run(model, images);

        Assert.Contains(quantized.Report!.Units, static unit => unit.LossAfter < unit.LossBefore);
    }

    /// <summary>Not even in a model that opens no scope of its own.</summary>
    [Fact]
    public void Quantize_UnitsThatAreCheckedInTheCallersScope_LeavesNoTensor()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 8)), ("second", nn.Linear(8, 4)));
        Micro.Enliven(model, 2);
        var images = Seeded.Normal(1, 24, 6);
        var run = new QuantizationRun { Trace = new() { Units = ["first", "second"] } };

        LiveTensors.AssertNoneLeftBy(() => Micro.Quantizer(static options => options.Recipe = RecipeNames.Released).Run(model, images, run).Dispose());
    }

    [Fact]
    public void Quantize_UnitWithoutDerivatives_NamesTheUnit()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 8)), ("second", new Obstructed(Obstacle.NoGrad, 8)), ("third", nn.Linear(4, 3)));
        Micro.Enliven(model, 2);
        var images = Seeded.Normal(1, 24, 6);
        var run = new QuantizationRun { Trace = new() { Units = ["first", "second", "third"] } };
        var (before, output) = (Micro.Copy(model), Micro.Call(model, images));

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer(static options => options.Recipe = RecipeNames.Released).Run(model, images, run));

        Assert.StartsWith($"Stage '{StageNames.ActivationReconstruction}' trains the weights of unit 'second'", error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(model, before, images, output);
    }

    [Theory]
    [InlineData(CallerMode.NoGrad)]
    [InlineData(CallerMode.InferenceMode)]
    public void Quantize_CallerWithoutGradients_SameModelAsWithThem(CallerMode mode)
    {
        using var scope = NewDisposeScope();
        var expected = Run(null);
        var actual = Run(mode);

        Micro.AssertSame(expected, actual);

        static Dictionary<string, Tensor> Run(CallerMode? mode)
        {
            using var model = Micro.Vit();
            using IDisposable? entered = mode switch
            {
                CallerMode.NoGrad => no_grad(),
                CallerMode.InferenceMode => inference_mode(true),
                _ => null,
            };
            using var quantized = Micro.Quantizer(static options => options.OutputTuning.Steps = 2).Run(model, Micro.Images());
            return Micro.Copy(model);
        }
    }

    [Theory]
    [InlineData(Obstacle.NoGrad)]
    [InlineData(Obstacle.ChangedInPlace)]
    public void MeasureSensitivity_Estimated_OutputsWithoutDerivatives_SaysSo(Obstacle obstacle)
    {
        using var scope = NewDisposeScope();
        using var model = new Obstructed(obstacle);
        var sensitivity = new SensitivityOptions { Method = SensitivityMethod.Estimated };

        var error = Assert.Throws<QuantizationException>(() => ModelQuantizer.Create(static options => options.Recipe = RecipeNames.RepQ).MeasureSensitivity(
            model, Seeded.Normal(1, 24, 6), sensitivity, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("derivatives of the model's outputs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EstimateDuration_NoWayBack_IsStillAnswered()
    {
        using var scope = NewDisposeScope();
        using var model = new Obstructed(Obstacle.ChangedInPlace);

        var estimate = ModelQuantizer.Create(static options => options.Recipe = RecipeNames.Released).EstimateDuration(model, Seeded.Normal(1, 24, 6));

        Assert.True(estimate.Total > estimate.ForwardOfImage);
    }

    /// <summary>What stood in <c>grad</c> stays, and what a number does not depend on has no derivative.</summary>
    [Fact]
    public void Of_LeavesAndOthers_AreWhatTheyShouldBe()
    {
        using var scope = NewDisposeScope();
        var leaf = tensor([1f, 2, 3]).requires_grad_(true);
        leaf.grad = tensor([7f, 7, 7]);
        var squares = leaf.mul(leaf);
        var other = ones(2).requires_grad_(true);
        var frozen = ones(2);
        var number = squares.mul(squares).sum();

        var first = Derivatives.Of(number, [leaf, squares, other, frozen], retainGraph: true);
        var second = Derivatives.Of(number, [squares]);

        Assert.Equal([4f, 32, 108], first[0]!.data<float>().ToArray());
        Assert.Equal([2f, 8, 18], first[1]!.data<float>().ToArray());
        Assert.Equal([2f, 8, 18], second[0]!.data<float>().ToArray());
        Assert.Null(first[2]);
        Assert.Null(first[3]);
        Assert.Equal([7f, 7, 7], leaf.grad!.data<float>().ToArray());
    }

    /// <summary>Two layers with something between them and the output that no derivative gets through.</summary>
    private sealed class Obstructed : nn.Module<Tensor, Tensor>
    {
        private readonly Obstacle _obstacle;
        private readonly Linear _first;
        private readonly Linear _second;

        public Obstructed(Obstacle obstacle, int inputs = 6)
            : base(nameof(Obstructed))
        {
            _obstacle = obstacle;
            _first = nn.Linear(inputs, 8);
            _second = nn.Linear(8, 4);
            register_module("first", _first);
            register_module("second", _second);
            Micro.Enliven(this, 3);
            eval();
        }

        public override Tensor forward(Tensor input)
        {
            using var mode = _obstacle switch
            {
                Obstacle.NoGrad => no_grad(),
                Obstacle.InferenceMode => (IDisposable)inference_mode(true),
                _ => null,
            };
            var hidden = _first.call(input).sigmoid();
            var output = _second.call(hidden);
            switch (_obstacle)
            {
                case Obstacle.Detach:
                    return output.detach();
                case Obstacle.ChangedInPlace:
                    hidden.mul_(2);
                    return output + hidden.sum();
                case Obstacle.Argmax:
                    return output.argmax(1, keepdim: true).to(float32);
                default:
                    return output;
            }
        }
    }
}

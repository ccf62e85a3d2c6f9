using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Optimization.SeveralTensors;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>Models that break what is asked of their forwards and units are told of, by name, and left as they were.</summary>
public sealed class AnySignatureErrorTests
{
    private const int Count = 40;

    // Without the stages that leave little to reconstruct.
    private static readonly string[] s_stages =
        [StageNames.ActivationCalibration, StageNames.OutputSensitivity, StageNames.ActivationReconstruction, StageNames.WeightCalibration, StageNames.WeightReconstruction];

    [Fact]
    public void Predict_OneTensorOfAModelWithSeveralOutputs_IsAnErrorThatSaysWhatToCall()
    {
        using var scope = NewDisposeScope();
        var images = Seeded.Normal(1, Count, 5, 12);
        using var quantized = Micro.Quantizer(static options => options.Recipe = "minmax").Quantize(ModelForward.Of(Detector.Create()), new InMemorySamples([images]), cancellationToken: TestContext.Current.CancellationToken);

        var e = Assert.Throws<InvalidOperationException>(() => quantized.Predict(images));

        Assert.Contains("gives 3 tensors", e.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(SampleBatch), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_UnitThatTakesAnotherConstantEachBatch_IsNamed()
    {
        using var scope = NewDisposeScope();
        var model = new Counted();
        Micro.Enliven(model, 3);
        model.eval();

        var e = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Quantize(
            ModelForward.Of(model), new InMemorySamples([Seeded.Normal(1, 70, 12)]), new QuantizationRun { Trace = new TraceOptions { Units = ["_block"] } }, TestContext.Current.CancellationToken));

        Assert.Contains("unit _block [1, 12] -> [1, 12]", e.Message, StringComparison.Ordinal);
        Assert.Contains("a number that depends on the batch", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A unit must give alone what it gives in the model.</summary>
    [Theory]
    [InlineData("record")]
    [InlineData("field")]
    [InlineData("count")]
    public void Quantize_UnitThatTakesSomethingBesideItsArguments_IsNamedBeforeAnythingRuns(string kind)
    {
        using var scope = NewDisposeScope();
        var model = new Sly(kind);
        Micro.Enliven(model, 3);
        model.eval();
        var before = Micro.Copy(model);

        var e = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Quantize(
            ModelForward.Of(model), new InMemorySamples([Seeded.Normal(1, 16, 12)]), new QuantizationRun { Trace = new TraceOptions { Units = ["_block"] } }, TestContext.Current.CancellationToken));

        Assert.Contains("unit _block", e.Message, StringComparison.Ordinal);
        Assert.Contains("does not give for one image alone what it gives for it in the model", e.Message, StringComparison.Ordinal);
        Micro.AssertSame(before, Micro.Copy(model));
    }

    /// <summary>Two forwards that stand still in the middle of a model cannot both hold its lock.</summary>
    [Fact]
    public void Quantize_ForwardThatHoldsALock_EndsWithAnErrorOrWhenItIsCancelled()
    {
        using var scope = NewDisposeScope();
        var model = Micro.Vit();
        var images = Micro.Images();
        var before = Micro.Copy(model);
        var gate = new SemaphoreSlim(1);
        var forward = new ModelForward(model, batch =>
        {
            gate.Wait();
            try
            {
                return [model.call(batch[0])];
            }
            finally
            {
                gate.Release();
            }
        });
        var patience = SuspendedForward.Patience;
        SuspendedForward.Patience = TimeSpan.FromSeconds(1);
        try
        {
            using var samples = new InMemorySamples([images]);
            var e = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Quantize(forward, samples, cancellationToken: TestContext.Current.CancellationToken));
            Assert.Contains("must not hold a lock", e.Message, StringComparison.Ordinal);
            Micro.AssertSame(before, Micro.Copy(model));

            SuspendedForward.Patience = TimeSpan.FromHours(1);
            using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(3));
            Assert.ThrowsAny<OperationCanceledException>(() => Micro.Quantizer().Quantize(forward, samples, cancellationToken: cancel.Token));
            Micro.AssertSame(before, Micro.Copy(model));
        }
        finally
        {
            SuspendedForward.Patience = patience;
        }
    }

    public static TheoryData<string, Func<Tensor, int, IReadOnlyList<Tensor>>> WrongOutputs => new()
    {
        { "gave null or a disposed tensor", static (y, _) => [y, null!] },
        { "gave 2 tensors, and 1 for an earlier batch", static (y, call) => call < 3 ? [y] : [y, y] },
        { "gave a tensor without axes", static (y, _) => [y.sum()] },
    };

    [Theory]
    [MemberData(nameof(WrongOutputs))]
    public void Quantize_FunctionThatBreaksItsPromise_SaysHow(string message, Func<Tensor, int, IReadOnlyList<Tensor>> outputs)
    {
        using var scope = NewDisposeScope();
        var model = Micro.Vit();
        var calls = 0;
        var forward = new ModelForward(model, batch => outputs(model.call(batch[0]), calls++));

        var e = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Quantize(forward, new InMemorySamples([Micro.Images()]), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantize_BlockThatAddsToItsList_IsNamedBeforeAnythingRuns()
    {
        using var scope = NewDisposeScope();
        var model = new Adding();
        Micro.Enliven(model, 3);
        model.eval();

        var e = Assert.Throws<QuantizationException>(() => Micro.Quantizer(s_stages, []).Quantize(ModelForward.Of(model), new InMemorySamples([Seeded.Normal(1, Count, 12)]), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("unit _blocks.0", e.Message, StringComparison.Ordinal);
        Assert.Contains("it changes what it is given", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_ModelThatTakesNoTensors_SaysWhatItTakes()
    {
        using var scope = NewDisposeScope();

        var e = Assert.Throws<QuantizationException>(static () => ModelForward.Of(new Keyed()));

        Assert.Contains("Dictionary", e.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(IForwardDeclaration), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_DeclarationsForOtherOutputs_SaysHowManyThereAre()
    {
        using var scope = NewDisposeScope();
        var forward = new ModelForward(nn.Identity(), static batch => [batch[0], batch[0]]) { Outputs = [new(OutputKind.Values)] };

        var e = Assert.Throws<QuantizationException>(() => forward.Run(new SampleBatch(ones(2, 5))));

        Assert.Contains("gave 2 tensors, and 1 outputs are declared", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_BatchOfTooFewTensors_SaysHowManyAreMissing()
    {
        using var scope = NewDisposeScope();

        var e = Assert.Throws<QuantizationException>(static () => ModelForward.Of(CrossModel.Create()).Run(new SampleBatch(ones(2, 5, 12))));

        Assert.Contains("1 tensors", e.Message, StringComparison.Ordinal);
        Assert.Contains("takes 2", e.Message, StringComparison.Ordinal);
    }
}

using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

public sealed class QuantizeAsyncTests
{
    [Fact]
    public async Task QuantizeAsync_AnyModel_IsTheModelThatQuantizeMakes()
    {
        var images = Micro.Images();
        using var model = Micro.Vit();
        using var other = Micro.Vit();
        var threads = new HashSet<int>();
        var run = new QuantizationRun { Progress = new Heard(_ => threads.Add(Environment.CurrentManagedThreadId)) };

        using var quantized = await Micro.Quantizer().QuantizeAsync(model, images, run);
        using var expected = Micro.Quantizer().Run(other, images);

        Micro.AssertSame(Micro.Copy(other), Micro.Copy(model));
        Assert.Single(threads);
        Assert.Equal(expected.Report!.Stages.Select(static stage => stage.Name), quantized.Report!.Stages.Select(static stage => stage.Name));
    }

    [Fact]
    public async Task QuantizeAsync_ASchedulerOfTheCallers_RunsThere()
    {
        using var model = Micro.Vit();
        var scheduler = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
        var schedulers = new HashSet<TaskScheduler>();
        var run = new QuantizationRun { Progress = new Heard(_ => schedulers.Add(TaskScheduler.Current)) };

        using var quantized = await Micro.Quantizer(static options => options.Recipe = RecipeNames.MinMax).QuantizeAsync(model, Micro.Images(), run, scheduler);

        Assert.Equal([scheduler], schedulers);
    }

    [Fact]
    public async Task QuantizeAsync_Cancelled_LeavesTheModelAsItWas()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var (parameters, output) = (Micro.Copy(model), Micro.Call(model, Micro.Images()));
        using var source = new CancellationTokenSource();
        var run = new QuantizationRun { Progress = new Heard(_ => source.Cancel()) };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Micro.Quantizer().QuantizeAsync(model, Micro.Images(), run, cancellationToken: source.Token));

        Micro.AssertUntouched(model, parameters, Micro.Images(), output);
    }

    [Fact]
    public async Task QuantizeAsync_ImagesThatAreNone_SaysSo()
    {
        using var model = Micro.Vit();

        await Assert.ThrowsAsync<QuantizationException>(() => Micro.Quantizer().QuantizeAsync(model, zeros(0, 1, 28, 28)));
    }

    private sealed class Heard(Action<QuantizationProgress> hear) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => hear(value);
    }
}

using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using IsVit.Tool.Training;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Tool;

public sealed class DemoTrainerTests
{
    private static readonly DemoTrainingOptions Options = new() { Epochs = 2, BatchSize = 16, MaximumShift = 0 };

    [Fact]
    public void Train_SameSeed_GivesTheSameWeightsBitForBit()
    {
        using var one = NewModel();
        using var two = NewModel();

        new DemoTrainer(Options).Train(one, Shades, null, null, CancellationToken.None);
        new DemoTrainer(Options).Train(two, Shades, null, null, CancellationToken.None);

        var other = two.state_dict();
        Assert.All(one.state_dict(), entry => Assert.Equal(other[entry.Key].data<float>().ToArray(), entry.Value.data<float>().ToArray()));
    }

    [Fact]
    public void Train_SeparableImages_AreLearned()
    {
        using var model = NewModel();

        var accuracy = new DemoTrainer(Options with { Epochs = 12, LearningRate = 5e-3 }).Train(model, Shades, null, null, CancellationToken.None);

        Assert.Equal(100, accuracy);
    }

    [Fact]
    public void Train_ReportsEveryStepAndEveryEpoch()
    {
        using var model = NewModel();
        var steps = new List<TrainingProgress>();
        var epochs = new List<int>();

        new DemoTrainer(Options).Train(model, Shades, new Collector(steps), (epoch, _) => epochs.Add(epoch), CancellationToken.None);

        Assert.Equal([1, 2, 3, 4], steps.Where(s => s.TestAccuracy is null).Select(s => s.Step));
        Assert.All(steps, s => Assert.Equal(4, s.Steps));
        Assert.Equal([1, 2], epochs);
    }

    [Fact]
    public void Train_Cancelled_Stops()
    {
        using var model = NewModel();
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.Throws<OperationCanceledException>(() => new DemoTrainer(Options).Train(model, Shades, null, null, source.Token));
    }

    [Fact]
    public void Train_LeavesNoTensor()
    {
        using var model = NewModel();

        LiveTensors.AssertNoneLeftBy(() =>
        {
            new DemoTrainer(Options with { Epochs = 1 }).Train(model, Shades, null, null, CancellationToken.None);
            foreach (var parameter in model.parameters())
            {
                parameter.grad = null;
            }
        });
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(9, 1)]
    [InlineData(10, 1)]
    [InlineData(60, 0.5)]
    [InlineData(110, 0)]
    public void CosineSchedule_At_RisesAndFalls(int step, double expected) =>
        Assert.Equal(expected, CosineSchedule.At(step, steps: 110, warmUpSteps: 10, peak: 1), 12);

    // Class 0 is dark, class 1 is bright.
    private static FashionMnist Shades { get; } = new(Split(32, 1), Split(16, 2));

    private static ImageSet Split(int count, int seed)
    {
        var random = new Random(seed);
        var pixels = new byte[count * 28 * 28];
        byte[] labels = [.. Enumerable.Range(0, count).Select(i => (byte)(i % 2))];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)(random.Next(60) + (180 * labels[i / 784]));
        }

        return new ImageSet(pixels, labels, 28, 28);
    }

    private static VisionTransformer NewModel()
    {
        manual_seed(0);
        return new VisionTransformer(((VisionTransformerOptions)ModelCatalog.Find(ModelCatalog.Demo).Options) with { EmbedDim = 16, HeadCount = 2, Depth = 1, PatchSize = 14, ClassCount = 2 });
    }

    private sealed class Collector(List<TrainingProgress> steps) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => steps.Add(value);
    }
}

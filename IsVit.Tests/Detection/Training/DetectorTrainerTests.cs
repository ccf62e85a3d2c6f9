using IsVit.Detection.Models;
using IsVit.Detection.Training;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Training;

public sealed class DetectorTrainerTests
{
    private static readonly DetectorTrainingOptions s_options = new() { Steps = 6, LearningRate = 3e-3, WarmUpSteps = 2, AnchorsPerImage = 32, RegionsPerImage = 16 };

    [Fact]
    public void Train_TwoScenes_TheLossFalls()
    {
        using var detector = Create(TrainingCases.MaskRcnn);
        var steps = Train(detector, s_options with { Steps = 40 });

        double Mean(int from, Func<DetectorLosses, double> loss) => steps.Skip(from).Take(5).Average(step => loss(step.Losses));
        Assert.True(Mean(35, static losses => losses.Total) < 0.75 * Mean(0, static losses => losses.Total), $"from {Mean(0, static losses => losses.Total)} to {Mean(35, static losses => losses.Total)}");
        Assert.True(Mean(35, static losses => losses.Masks) < 0.95 * Mean(0, static losses => losses.Masks));
        Assert.True(Mean(35, static losses => losses.Classes) < 0.8 * Mean(0, static losses => losses.Classes));
        Assert.False(detector.training);
    }

    [Fact]
    public void Train_SameSeed_GivesTheSameWeightsBitForBit()
    {
        using var one = Create(TrainingCases.MaskRcnn);
        using var two = Create(TrainingCases.MaskRcnn);
        using var three = Create(TrainingCases.MaskRcnn);
        var steps = Train(one, s_options);

        Assert.Equal(steps, Train(two, s_options));
        var others = two.state_dict();
        Assert.All(one.state_dict(), entry => Assert.Equal(others[entry.Key].data<float>().ToArray(), entry.Value.data<float>().ToArray()));
        Assert.NotEqual(steps, Train(three, s_options with { Seed = 1 }));
    }

    /// <summary>The gradient of each head, and of what they share, is that of the loss.</summary>
    [Fact]
    public void Train_OneStep_ChangesEveryParameterOfACascade()
    {
        using var detector = Create(TrainingCases.Cascade);
        var before = detector.named_parameters().ToDictionary(static entry => entry.name, static entry => entry.parameter.detach().clone(), StringComparer.Ordinal);
        Train(detector, s_options with { Steps = 2 });

        var unchanged = detector.named_parameters().Where(entry => entry.parameter.eq(before[entry.name]).all().item<bool>()).Select(static entry => entry.name);
        Assert.Equal([], unchanged);
    }

    [Fact]
    public void Train_StageWeightsOfZero_LeaveTheLaterStagesAlone()
    {
        using var detector = Create(TrainingCases.Cascade);
        var before = detector.BoxHeads.Concat<torch.nn.Module>(detector.MaskHeads).Select(static head => head.parameters().Select(static p => p.detach().clone()).ToList()).ToList();
        Train(detector, s_options with { Steps = 2, StageWeights = [1, 0], WeightDecay = 0 });

        bool[] changed = [.. detector.BoxHeads.Concat<torch.nn.Module>(detector.MaskHeads).Select((head, i) => head.parameters().Zip(before[i]).Any(static pair => !pair.First.eq(pair.Second).all().item<bool>()))];
        Assert.Equal([true, false, false, true, false, false], changed);
    }

    [Fact]
    public void Train_FromALaterStep_DoesTheRestAtItsLearningRates()
    {
        using var detector = Create(TrainingCases.MaskRcnn);
        var batches = new List<int>();
        var steps = new List<DetectorTrainingProgress>();
        new DetectorTrainer(s_options with { FirstStep = 4 }).Train(
            detector,
            step =>
            {
                batches.Add(step);
                return TrainingCases.Scenes(1);
            },
            new Collector(steps));

        Assert.Equal([4, 5], batches);
        Assert.Equal([(5, 6), (6, 6)], steps.Select(static step => (step.Step, step.Steps)));
        Assert.Equal(3e-3 * 0.5 * (1 + Math.Cos(Math.PI * 3 / 4)), steps[1].LearningRate, 1e-12);
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(9, 1)]
    [InlineData(10, 1)]
    [InlineData(60, 0.5)]
    [InlineData(110, 0)]
    public void LearningRateAt_AStep_RisesAndFalls(int step, double expected) =>
        Assert.Equal(expected, new DetectorTrainingOptions { Steps = 110, WarmUpSteps = 10, LearningRate = 1 }.LearningRateAt(step), 12);

    [Fact]
    public void Train_ImageWithoutObjects_TrainsWithTheBackground()
    {
        using var detector = Create(TrainingCases.MaskRcnn);
        var steps = new List<DetectorTrainingProgress>();
        new DetectorTrainer(s_options with { Steps = 1 }).Train(detector, static _ => TrainingCases.Image(64, 64), new Collector(steps));

        var losses = Assert.Single(steps).Losses;
        Assert.Equal((0, 0, 0), (losses.ProposalBoxes, losses.Boxes, losses.Masks));
        Assert.True(losses.ProposalScores > 0 && losses.Classes > 0);
    }

    [Fact]
    public void Train_Cancelled_StopsBeforeTheNextStep()
    {
        using var detector = Create(TrainingCases.MaskRcnn);
        using var source = new CancellationTokenSource();
        var steps = 0;

        Assert.Throws<OperationCanceledException>(() => new DetectorTrainer(s_options).Train(detector, static _ => TrainingCases.Scenes(1), new Teller(() =>
        {
            if (++steps == 2)
            {
                source.Cancel();
            }
        }), source.Token));
        Assert.Equal(2, steps);
        Assert.False(detector.training);
    }

    [Fact]
    public void Train_UnknownLabel_IsRefused()
    {
        using var detector = Create(TrainingCases.MaskRcnn);
        var error = Assert.Throws<ArgumentException>(() => new DetectorTrainer(s_options).Train(detector, static _ => TrainingCases.Image(64, 64, (10, 0, 0, 20, 20))));

        Assert.StartsWith("An object has label 10; the detector has 10 classes, 0 to 9.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_WeightsThatAreNoNumbers_StopWithAReason()
    {
        using var detector = Create(TrainingCases.MaskRcnn);
        using (torch.no_grad())
        {
            detector.MaskHeads[0].parameters().Last().fill_(float.NaN);
        }

        var error = Assert.Throws<DetectorTrainingException>(() => new DetectorTrainer(s_options).Train(detector, static _ => TrainingCases.Scenes(1)));
        Assert.StartsWith("The loss of step 0 is NaN", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Steps")]
    [InlineData("FirstStep")]
    [InlineData("LearningRate")]
    [InlineData("PositiveAnchorOverlap")]
    [InlineData("RegionOverlaps")]
    [InlineData("StageWeights")]
    public void Create_OptionOutOfRange_NamesIt(string name)
    {
        var options = name switch
        {
            "Steps" => s_options with { Steps = 0 },
            "FirstStep" => s_options with { FirstStep = 7 },
            "LearningRate" => s_options with { LearningRate = double.NaN },
            "PositiveAnchorOverlap" => s_options with { PositiveAnchorOverlap = 0.2 },
            "RegionOverlaps" => s_options with { RegionOverlaps = [0.5, 0] },
            _ => s_options with { StageWeights = [] },
        };

        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => new DetectorTrainer(options)).ParamName);
    }

    [Fact]
    public void Train_LeavesNoTensor()
    {
        using var detector = Create(TrainingCases.Cascade);

        LiveTensors.AssertNoneLeftBy(() =>
        {
            Train(detector, s_options with { Steps = 2 });
            foreach (var parameter in detector.parameters())
            {
                parameter.grad = null;
            }
        });
    }

    private static Detector Create(DetectorOptions options)
    {
        torch.manual_seed(0);
        return options.Create();
    }

    private static List<DetectorTrainingProgress> Train(Detector detector, DetectorTrainingOptions options)
    {
        var steps = new List<DetectorTrainingProgress>();
        new DetectorTrainer(options).Train(detector, static _ => TrainingCases.Scenes(2), new Collector(steps));
        return steps;
    }

    private sealed class Collector(List<DetectorTrainingProgress> steps) : IProgress<DetectorTrainingProgress>
    {
        public void Report(DetectorTrainingProgress value) => steps.Add(value);
    }

    private sealed class Teller(Action action) : IProgress<DetectorTrainingProgress>
    {
        public void Report(DetectorTrainingProgress value) => action();
    }
}

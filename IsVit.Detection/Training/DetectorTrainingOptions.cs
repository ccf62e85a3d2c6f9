using IsVit.Detection.Models;

namespace IsVit.Detection.Training;

/// <summary>How a detector is trained. Assignment, sampling and losses are by default those of MMDetection's Mask R-CNN, the optimizer that of its Swin configurations.</summary>
public sealed record DetectorTrainingOptions
{
    /// <summary>The number of steps, at least 1.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>The step to begin with, 0 to <see cref="Steps"/>: above 0 a run that was broken off goes on from its weights, with the optimizer's averages begun anew.</summary>
    public int FirstStep { get; init; }

    /// <summary>AdamW's largest learning rate, above 0.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>The steps in which the learning rate rises linearly to <see cref="LearningRate"/>, 0 or more; then it falls to 0 along half a cosine.</summary>
    public int WarmUpSteps { get; init; } = 100;

    /// <summary>AdamW's decoupled weight decay, 0 or more; biases, normalizations and tables of relative positions have none.</summary>
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>The largest norm of the whole gradient, above 0; a longer one is shortened to it.</summary>
    public double GradientClip { get; init; } = 10;

    /// <summary>Chooses which anchors and regions are trained with. Stochastic depth takes its numbers from torch's default generator.</summary>
    public int Seed { get; init; }

    /// <summary>Anchors of an image that the proposal network is trained with, at least 1.</summary>
    public int AnchorsPerImage { get; init; } = 256;

    /// <summary>The largest share of them that is on objects, 0 to 1.</summary>
    public double PositiveAnchorShare { get; init; } = 0.5;

    /// <summary>From this overlap (IoU) on an anchor is on an object.</summary>
    public double PositiveAnchorOverlap { get; init; } = 0.7;

    /// <summary>Below this overlap with every object an anchor is background; an object's best anchors are on it from here on.</summary>
    public double NegativeAnchorOverlap { get; init; } = 0.3;

    /// <summary>Regions of an image that the heads are trained with, at least 1.</summary>
    public int RegionsPerImage { get; init; } = 512;

    /// <summary>The largest share of them that is on objects, 0 to 1.</summary>
    public double PositiveRegionShare { get; init; } = 0.25;

    /// <summary>For each stage of heads, the overlap (IoU) from which on a region is on an object; the last holds for further stages.</summary>
    public IReadOnlyList<double> RegionOverlaps { get; init; } = [0.5, 0.6, 0.7];

    /// <summary>For each stage of heads, the weight of its losses; the last holds for further stages.</summary>
    public IReadOnlyList<double> StageWeights { get; init; } = [1, 0.5, 0.25];

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    internal double LearningRateAt(int step)
    {
        if (step < WarmUpSteps)
        {
            return LearningRate * (step + 1) / WarmUpSteps;
        }

        var progress = (double)(step - WarmUpSteps) / Math.Max(1, Steps - WarmUpSteps);
        return LearningRate * 0.5 * (1 + Math.Cos(Math.PI * progress));
    }

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    internal void Validate()
    {
        OptionCheck.AtLeast(Steps, 1, nameof(Steps));
        OptionCheck.Require(FirstStep >= 0 && FirstStep <= Steps, nameof(FirstStep), FirstStep, FormattableString.Invariant($"0 to {nameof(Steps)} ({Steps})"));
        OptionCheck.Require(LearningRate > 0 && double.IsFinite(LearningRate), nameof(LearningRate), LearningRate, "above 0");
        OptionCheck.AtLeast(WarmUpSteps, 0, nameof(WarmUpSteps));
        OptionCheck.Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or more");
        OptionCheck.Require(GradientClip > 0, nameof(GradientClip), GradientClip, "above 0");
        OptionCheck.AtLeast(AnchorsPerImage, 1, nameof(AnchorsPerImage));
        OptionCheck.Fraction(PositiveAnchorShare, nameof(PositiveAnchorShare));
        OptionCheck.Fraction(NegativeAnchorOverlap, nameof(NegativeAnchorOverlap));
        OptionCheck.Require(PositiveAnchorOverlap >= NegativeAnchorOverlap && PositiveAnchorOverlap <= 1, nameof(PositiveAnchorOverlap), PositiveAnchorOverlap, FormattableString.Invariant($"{nameof(NegativeAnchorOverlap)} ({NegativeAnchorOverlap}) to 1"));
        OptionCheck.AtLeast(RegionsPerImage, 1, nameof(RegionsPerImage));
        OptionCheck.Fraction(PositiveRegionShare, nameof(PositiveRegionShare));
        OptionCheck.Require(RegionOverlaps is { Count: > 0 } && RegionOverlaps.All(static overlap => overlap is > 0 and <= 1), nameof(RegionOverlaps), OptionCheck.Text(RegionOverlaps), "one or more numbers above 0 up to 1");
        OptionCheck.Require(StageWeights is { Count: > 0 } && StageWeights.All(static weight => weight >= 0 && double.IsFinite(weight)), nameof(StageWeights), OptionCheck.Text(StageWeights), "one or more numbers of 0 or more");
    }
}

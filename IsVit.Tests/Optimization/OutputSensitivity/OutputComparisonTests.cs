using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.OutputSensitivity;

/// <summary>Each output is compared as the model declares it.</summary>
public sealed class OutputComparisonTests
{
    private static readonly OutputDeclaration[] s_three =
    [
        new(OutputKind.Classes) { ClassAxis = -1, Weight = 2 }, new(OutputKind.Events), new(OutputKind.Values) { Weight = 0.5 },
    ];

    [Fact]
    public void Divergence_DeclaredOutputs_IsTheWeightedSumOfTheMeansOverPredictions()
    {
        using var scope = NewDisposeScope();
        var (wanted, found) = (Outputs(seed: 1), Outputs(seed: 2));
        using var divergence = new OutputDivergence(wanted, new OutputComparison(OutputMetric.ClassProbabilities, s_three));

        // Two images, the first output with five positions of three classes each, the second with four events, the third with six values.
        var expected = (2 * MeanOverPositions(Softmax, 5, 3, wanted[0], found[0]))
            + MeanOverPositions(static logits => [Chance(logits[0]), 1 - Chance(logits[0])], 4, 1, wanted[1], found[1])
            + (0.5 * SquaredChange(wanted[2], found[2]) / Variance(wanted[2]));
        Assert.Equal(expected, divergence.Of(found).Divergence, 1e-5 * expected);
    }

    /// <summary>Half of the squared derivative of a projection is, on average, the change of the outputs to second order.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Projection_OneOutputMovesALittle_SquareIsTwiceTheDivergence(int index)
    {
        using var scope = NewDisposeScope();
        var comparison = new OutputComparison(OutputMetric.ClassProbabilities, s_three);
        var wanted = Outputs(seed: 3);
        var step = (randn(wanted[index].shape, generator: new Generator(4)) * 0.01).to(float32);
        var moved = wanted.Select((output, i) => i == index ? output + step : output).ToList();
        using var divergence = new OutputDivergence(wanted, comparison);

        using var random = new Generator(5);
        var squares = 0.0;
        const int Draws = 4000;
        var variables = wanted.Select(static output => output.clone().requires_grad_()).ToList();
        for (var i = 0; i < Draws; i++)
        {
            using var inner = NewDisposeScope();
            var derivative = autograd.grad([comparison.Projection(variables, random)], [variables[index]])[0];

            // Draws are independent from image to image.
            squares += (derivative * step).flatten(1).sum(1).square().mean().item<float>() / Draws;
        }

        var expected = 2 * divergence.Of(moved).Divergence;
        Assert.InRange(squares / expected, 0.9, 1.1);
    }

    [Fact]
    public void Find_WeightOfZeroOrNoNumbers_IsNotCompared()
    {
        using var scope = NewDisposeScope();
        OutputDeclaration[] declared = [new(OutputKind.Values) { Weight = 0 }, new(OutputKind.Values), new(OutputKind.Events)];
        var found = new OutputComparison(OutputMetric.ClassProbabilities, declared).Find([ones(2, 3), ones([2, 3], int64), ones(2, 3)]);

        Assert.Equal((2, OutputKind.Events), (Assert.Single(found).Index, found[0].Kind));
    }

    [Fact]
    public void Find_Values_OverrulesWhatIsDeclared()
    {
        using var scope = NewDisposeScope();
        Assert.All(new OutputComparison(OutputMetric.Values, s_three).Find(Outputs(seed: 1)), static how => Assert.Equal(OutputKind.Values, how.Kind));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-2)]
    [InlineData(-3)]
    public void Find_NoClassesAlongTheAxis_NamesOutputAxisAndShape(int axis)
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<QuantizationException>(() => new OutputComparison(OutputMetric.ClassProbabilities, [new(OutputKind.Classes) { ClassAxis = axis }]).Find([ones(2, axis == 2 ? 3 : 1)]));

        Assert.Contains(FormattableString.Invariant($"Output 0 is declared to hold classes along axis {axis}, and has the shape [2, {(axis == 2 ? 3 : 1)}]"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Declaration_OutOfRange_IsNamed()
    {
        Assert.Contains("The weight of an output", Assert.Throws<ArgumentOutOfRangeException>(static () => new OutputDeclaration(OutputKind.Values) { Weight = -1 }).Message, StringComparison.Ordinal);
        Assert.Contains("axis 0", Assert.Throws<ArgumentOutOfRangeException>(static () => new OutputDeclaration(OutputKind.Classes) { ClassAxis = 0 }).Message, StringComparison.Ordinal);
    }

    private static List<Tensor> Outputs(ulong seed)
    {
        using var random = new Generator(seed);
        return [randn([2, 5, 3], generator: random), randn([2, 4], generator: random), randn([2, 2, 3], generator: random) * 3];
    }

    private static double MeanOverPositions(Func<float[], double[]> probabilities, int positions, int classes, Tensor wanted, Tensor found)
    {
        var (from, to) = (wanted.data<float>().ToArray().Chunk(classes).ToList(), found.data<float>().ToArray().Chunk(classes).ToList());
        Assert.Equal(2 * positions, from.Count);
        return from.Zip(to).Average(pair => probabilities(pair.First).Zip(probabilities(pair.Second)).Sum(static chance => chance.First * Math.Log(chance.First / chance.Second)));
    }

    private static double[] Softmax(float[] logits)
    {
        var sum = logits.Sum(static logit => Math.Exp(logit));
        return [.. logits.Select(logit => Math.Exp(logit) / sum)];
    }

    private static double Chance(double logit) => 1 / (1 + Math.Exp(-logit));

    private static double SquaredChange(Tensor wanted, Tensor found) => wanted.data<float>().Zip(found.data<float>()).Average(static pair => Math.Pow(pair.First - pair.Second, 2));

    private static double Variance(Tensor values)
    {
        var numbers = values.data<float>().Select(static value => (double)value).ToList();
        return numbers.Sum(number => Math.Pow(number - numbers.Average(), 2)) / (numbers.Count - 1);
    }
}

using IsVit.Detection.Training;
using TorchSharp;

namespace IsVit.Tests.Detection.Training;

public sealed class DecoupledAdamTests
{
    /// <summary>Two steps by the formulas of Loshchilov and Hutter, algorithm 2; the first gradient, of norm 5, is shortened to 1, and the second one is added to nothing.</summary>
    [Fact]
    public void Step_WeightAndBias_FollowAdamAndOnlyTheWeightDecays()
    {
        using var scope = torch.NewDisposeScope();
        using var linear = torch.nn.Linear(1, 1);
        using (torch.no_grad())
        {
            linear.weight.fill_(2f);
            linear.bias!.fill_(-1f);
        }

        using var optimizer = new DecoupledAdam(linear, weightDecay: 0.1);
        Step(linear, optimizer, 3, 4);
        Step(linear, optimizer, 0.5f, -0.25f);

        Assert.Equal(Expected(2, [0.6, 0.5], 0.1), linear.weight.item<float>(), 1e-6);
        Assert.Equal(Expected(-1, [0.8, -0.25], 0), linear.bias!.item<float>(), 1e-6);
        Assert.Equal(0, linear.weight.grad!.item<float>());
    }

    [Fact]
    public void Step_ParameterWithoutGradient_Stays()
    {
        using var scope = torch.NewDisposeScope();
        using var linear = torch.nn.Linear(1, 1);
        using (torch.no_grad())
        {
            linear.weight.fill_(2f);
        }

        using var optimizer = new DecoupledAdam(linear, weightDecay: 0.1);
        optimizer.Step(0.5, 1);
        linear.bias!.sum().backward();
        optimizer.Step(0.5, 1);

        Assert.Equal(2, linear.weight.item<float>());
    }

    private static void Step(TorchSharp.Modules.Linear linear, DecoupledAdam optimizer, float weight, float bias)
    {
        (linear.weight * torch.tensor(weight) + linear.bias! * torch.tensor(bias)).sum().backward();
        optimizer.Step(learningRate: 0.5, longest: 1);
    }

    private static double Expected(double value, double[] gradients, double decay)
    {
        double mean = 0, square = 0;
        for (var t = 1; t <= gradients.Length; t++)
        {
            var gradient = gradients[t - 1];
            mean = (0.9 * mean) + (0.1 * gradient);
            square = (0.999 * square) + (0.001 * gradient * gradient);
            value -= 0.5 * ((mean / (1 - Math.Pow(0.9, t)) / (Math.Sqrt(square / (1 - Math.Pow(0.999, t))) + 1e-8)) + (decay * value));
        }

        return value;
    }
}

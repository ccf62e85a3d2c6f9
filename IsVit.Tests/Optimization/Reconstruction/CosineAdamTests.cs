using IsVit.Optimization.Reconstruction;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Tests.Optimization.Reconstruction;

public sealed class CosineAdamTests
{
    [Theory]
    [InlineData(torch.ScalarType.Float32)]
    [InlineData(torch.ScalarType.Float64)]
    public void Step_Repeated_EqualsTorchsAdamUnderTheSameSchedule(torch.ScalarType type)
    {
        const int Steps = 25;
        const double Rate = 3e-3;
        using var scope = torch.NewDisposeScope();
        Parameter[] Parameters() => [new(Seeded.Normal(1, 5, 4).to(type).clone()), new(Seeded.Normal(2, 4).to(type).clone())];
        var (ours, theirs) = (Parameters(), Parameters());
        var x = Seeded.Normal(3, 16, 5).to(type);
        torch.Tensor Loss(Parameter[] p) => (x.matmul(p[0]) + p[1]).sin().pow(2).sum();
        using var adam = torch.optim.Adam(theirs, lr: Rate);
        using var cosine = new CosineAdam([.. ours.Select(static parameter => ((torch.Tensor)parameter, Rate))], Steps);

        for (var step = 0; step < Steps; step++)
        {
            foreach (var group in adam.ParamGroups)
            {
                group.LearningRate = Rate * 0.5 * (1 + Math.Cos(Math.PI * step / Steps));
            }

            adam.zero_grad();
            Loss(theirs).backward();
            adam.step();
            Loss(ours).backward();
            cosine.Step();
        }

        for (var i = 0; i < ours.Length; i++)
        {
            TensorAssert.Close(theirs[i].detach(), ours[i].detach());
        }
    }

    [Fact]
    public void Step_ParameterWithoutGradient_StaysAsItIs()
    {
        using var scope = torch.NewDisposeScope();
        var parameter = new Parameter(torch.ones(3));
        using var adam = new CosineAdam([(parameter, 1)], 2);

        adam.Step();

        TensorAssert.Identical(torch.ones(3), parameter.detach());
    }
}

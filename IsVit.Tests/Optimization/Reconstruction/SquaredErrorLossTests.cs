using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Optimization.Reconstruction;

public sealed class SquaredErrorLossTests
{
    [Theory]
    [InlineData(new long[] { 6, 5 })]
    [InlineData(new long[] { 6, 5, 7 })]
    public void Compute_TokensOrLogits_EqualsTheReleasedForm(long[] shape)
    {
        using var scope = torch.NewDisposeScope();
        var (output, target) = (Seeded.Normal(1, shape), Seeded.Normal(2, shape));

        var loss = new SquaredErrorLoss().Compute(output, target);

        TensorAssert.Close((output - target).pow(2).sum(1).mean(), loss);
    }

    [Fact]
    public void Compute_Importance_WeighsEachSquare()
    {
        using var scope = torch.NewDisposeScope();
        var (output, target, importance) = (Seeded.Normal(1, 6, 5, 7), Seeded.Normal(2, 6, 5, 7), Seeded.Normal(3, 5, 7).exp());

        var loss = new SquaredErrorLoss().Compute(output, target, importance);

        TensorAssert.Close(((output - target).pow(2) * importance).sum(1).mean(), loss);
    }

    [Fact]
    public void Compute_RowsAndColumns_AreTokens()
    {
        using var scope = torch.NewDisposeScope();
        var (output, target) = (Seeded.Normal(1, 2, 3, 4, 5), Seeded.Normal(2, 2, 3, 4, 5));
        var loss = new SquaredErrorLoss();

        TensorAssert.Close(loss.Compute(output.flatten(1, 2), target.flatten(1, 2)), loss.Compute(output, target));
    }

    [Fact]
    public void Compute_BatchesOfDifferentSize_AverageBySize()
    {
        using var scope = torch.NewDisposeScope();
        var (output, target) = (Seeded.Normal(1, 10, 5, 3), Seeded.Normal(2, 10, 5, 3));
        var loss = new SquaredErrorLoss();

        var parts = ((loss.Compute(output.narrow(0, 0, 7), target.narrow(0, 0, 7)) * 7) + (loss.Compute(output.narrow(0, 7, 3), target.narrow(0, 7, 3)) * 3)) / 10;

        TensorAssert.Close(loss.Compute(output, target), parts);
    }
}

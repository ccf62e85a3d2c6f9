using IsVit.Core.Quantization;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Contracts;

public sealed class StraightThroughTests
{
    [Fact]
    public void Round_WithGradient_EqualsRoundingAndPassesTheGradient()
    {
        using var scope = torch.NewDisposeScope();
        var values = torch.tensor([0.5f, 1.5f, -2.5f, 0.2f, -0.7f, 8388609f, float.PositiveInfinity, float.NegativeInfinity, float.NaN]);
        var x = values.clone().requires_grad_();
        var rounded = StraightThrough.Round(x);
        TensorAssert.Identical(values.round(), rounded);
        TensorAssert.Identical(values.round(), StraightThrough.Round(values));
        var upstream = torch.arange(1f, 10f);
        rounded.backward([upstream]);
        TensorAssert.Identical(upstream, x.grad!);
    }
}

using IsVit.Core.Arithmetic;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Arithmetic;

public sealed class ScalarArithmeticTests
{
    [Fact]
    public void EachOperation_EqualsTorchSharps()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Seeded.Normal(1, 5, 7), Seeded.Normal(2, 5, 7));

        TensorAssert.Identical(x + y, x.Plus(y));
        TensorAssert.Identical(x + y, x.clone().PlusInPlace(y));
        TensorAssert.Identical(x + 0.3, x.Plus(0.3));
        TensorAssert.Identical(x + 0.3, x.clone().PlusInPlace(0.3));
        TensorAssert.Identical(x * 0.3, x.Times(0.3));
        TensorAssert.Identical(x * 0.3, x.clone().TimesInPlace(0.3));
        TensorAssert.Identical(x / 0.3, x.Over(0.3));
        TensorAssert.Identical(x / 0.3, x.clone().OverInPlace(0.3));
        TensorAssert.Identical(x.pow(2), x.Squared());
        TensorAssert.Identical(x.clamp_min(0.1), x.AtLeast(0.1));
        TensorAssert.Identical(x.clamp(0, 0.5), x.clone().ClampInPlace(0.5));
        TensorAssert.Identical(x.ge(-0.2).logical_and(x.le(0.4)), x.IsWithin(-0.2, 0.4));
    }

    // TorchSharp's own operators fail here within a second.
    [Fact]
    public void Operations_WhileTheCollectorRuns_AreRight()
    {
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            using var ones = torch.ones(300_000);
            for (var i = 0; i < 300; i++)
            {
                using var two = ones.Plus(ones);
                using var six = two.Times(3);
                Assert.Equal(6, six[i].item<float>());
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }
}

using IsVit.Optimization.Reconstruction;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Optimization.Reconstruction;

public sealed class ActivationCacheTests
{
    [Fact]
    public void Gather_AcrossBatches_EqualsIndexingTheWhole()
    {
        using var scope = torch.NewDisposeScope();
        var whole = Seeded.Normal(1, 10, 3, 2);
        var cache = new ActivationCache([whole.narrow(0, 0, 4), whole.narrow(0, 4, 4), whole.narrow(0, 8, 2)]);
        int[] indices = [0, 3, 4, 7, 8, 9, 2];

        Assert.Equal(10, cache.Count);
        TensorAssert.Identical(whole.index_select(0, torch.tensor(indices.Select(static i => (long)i).ToArray())), cache.Gather(indices));
    }

    [Fact]
    public void Gather_AgainAndAgain_LeavesNoTensor() => LiveTensors.AssertNoneLeftBy(static () =>
    {
        using var whole = torch.ones(4, 3);
        new ActivationCache([whole]).Gather([1, 2]).Dispose();
    });
}

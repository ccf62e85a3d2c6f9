using IsVit.Optimization.Reconstruction;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Optimization.Reconstruction;

public sealed class ActivationCacheTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(0, 3)]
    [InlineData(1, 4)]
    public void Gather_AcrossBatches_EqualsIndexingTheWhole(int axis, int entries)
    {
        using var scope = torch.NewDisposeScope();
        long[] shape = [4, 3, 2];
        shape[axis] = 10 * entries;
        var whole = Seeded.Normal(1, shape);
        var cache = new ActivationCache([[whole.narrow(axis, 0, 4 * entries)], [whole.narrow(axis, 4 * entries, 4 * entries)], [whole.narrow(axis, 8 * entries, 2 * entries)]], [axis], [4, 4, 2]);
        int[] indices = [0, 3, 4, 7, 8, 9, 2];
        var positions = indices.SelectMany(image => Enumerable.Range(image * entries, entries)).Select(static i => (long)i).ToArray();

        Assert.Equal(10, cache.Count);
        Assert.Equal([4, 4, 2], Enumerable.Range(0, 3).Select(cache.SamplesIn));
        TensorAssert.Identical(whole.index_select(axis, torch.tensor(positions)), cache.Gather(indices)[0]);
        Assert.Equal(10 * entries, cache.SamplesFirst(whole, 0).shape[0]);
    }

    [Fact]
    public void Gather_AgainAndAgain_LeavesNoTensor() => LiveTensors.AssertNoneLeftBy(static () =>
    {
        using var whole = torch.ones(4, 3);
        new ActivationCache([[whole]], [0], [4]).Gather([1, 2])[0].Dispose();
    });
}

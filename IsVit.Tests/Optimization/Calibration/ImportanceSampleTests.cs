using IsVit.Optimization.Observation;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Calibration;

public sealed class ImportanceSampleTests
{
    /// <summary>Of four images with three vectors: each of the first ones thrice, none of the second, half of the third ones... as their weights say, and as many as there are.</summary>
    [Fact]
    public void Of_Weights_EachVectorIsThereAsOftenAsItCounts()
    {
        using var scope = NewDisposeScope();
        var x = arange(4 * 3 * 2, float32).view(4, 3, 2);

        var sample = ImportanceSample.Of(x, tensor([2.5f, 0f, 0.5f]), images: 4)!;

        var times = Enumerable.Range(0, 12).Select(row => (int)sample.select(1, 0).eq(row * 2).sum().item<long>()).ToArray();
        Assert.Equal([12, 2], sample.shape);
        Assert.Equal(10, times[0] + times[3] + times[6] + times[9]);
        Assert.All([times[0], times[3], times[6], times[9]], static count => Assert.InRange(count, 2, 3));
        Assert.All([times[1], times[4], times[7], times[10]], static count => Assert.Equal(0, count));
        Assert.Equal([0, 0, 1, 1], new[] { times[2], times[5], times[8], times[11] }.Order());
        TensorAssert.Identical(sample.select(1, 0) + 1, sample.select(1, 1));
    }

    [Fact]
    public void Of_AllAlike_EachVectorOnce()
    {
        using var scope = NewDisposeScope();
        var x = Seeded.Normal(1, 5, 2, 7, 3);

        var sample = ImportanceSample.Of(x, ones(14), images: 5)!;

        TensorAssert.Identical(x.view(70, 3).sort(0).Values, sample.sort(0).Values);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(4, 4)]
    public void Of_VectorsOfOtherNumber_IsNull(int weights, int images)
    {
        using var scope = NewDisposeScope();
        Assert.Null(ImportanceSample.Of(zeros(5, 4, 2), ones(weights), images));
    }
}

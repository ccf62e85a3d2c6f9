using IsVit.Core.Samples;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Calibration;

public sealed class CalibrationBatchesTests
{
    /// <summary>Each batch of a stream stands on a thread of its own.</summary>
    [Theory]
    [InlineData(10, 64, new long[] { 10 })]
    [InlineData(70, 8, new long[] { 32, 32, 6 })]
    [InlineData(130, 64, new long[] { 64, 64, 2 })]
    public void Split_FewImages_BatchesOfAStepOrOfTheSmallest(int images, int batchSize, long[] expected)
    {
        using var scope = NewDisposeScope();

        Assert.Equal(expected, CalibrationBatches.Split([new SampleBatch(zeros(images, 2))], batchSize).Select(static batch => batch.Count));
    }

    [Theory]
    [InlineData(1024, 32, 32)]
    [InlineData(1025, 32, 33)]
    [InlineData(100_000, 32, 3125)]
    public void Split_ManyImages_BatchesAreLargerAndNotMore(int images, int batchSize, long first)
    {
        using var scope = NewDisposeScope();

        var batches = CalibrationBatches.Split([new SampleBatch(zeros(images, 1))], batchSize);

        Assert.InRange(batches.Count, 1, 32);
        Assert.Equal((first, (long)images), (batches[0].Count, batches.Sum(static batch => batch.Count)));
    }

    /// <summary>A batch takes no more memory for larger images; a step of more is the user's choice.</summary>
    [Theory]
    [InlineData(448, 1, 8)]
    [InlineData(448, 12, 12)]
    [InlineData(1333, 1, 1)]
    [InlineData(224, 1, 20)]
    public void Split_LargeImages_BatchesHoldFewer(int side, int batchSize, long first)
    {
        using var scope = NewDisposeScope();

        Assert.Equal(first, CalibrationBatches.Split([new SampleBatch(zeros(1, 3, 1, 1).expand(20, 3, side, side))], batchSize)[0].Count);
    }

    /// <summary>What fits is not copied; what does not is cut or joined.</summary>
    [Theory]
    [InlineData(64, new long[] { 32, 32, 5 }, new long[] { 32, 32, 5 })]
    [InlineData(64, new long[] { 64, 40 }, new long[] { 64, 40 })]
    [InlineData(32, new long[] { 64, 40 }, new long[] { 32, 32, 32, 8 })]
    [InlineData(32, new long[] { 1, 1, 40, 3 }, new long[] { 32, 13 })]
    public void Split_SeveralBatches_KeepsThoseThatFit(int batchSize, long[] given, long[] expected)
    {
        using var scope = NewDisposeScope();
        var all = arange(given.Sum());
        var batches = all.split(given).Select(static batch => new SampleBatch(batch)).ToList();

        var split = CalibrationBatches.Split(batches, batchSize);

        Assert.Equal(expected, split.Select(static batch => batch.Count));
        Assert.True(cat([.. split.Select(static batch => batch[0])]).Equals(all));
    }
}

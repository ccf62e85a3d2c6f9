using IsVit.Detection.Training;

namespace IsVit.Tests.Detection.Training;

public sealed class BoxSamplingTests
{
    // Ten on objects, 20 neither, 70 of the background.
    private static readonly int[] s_assigned = [.. Enumerable.Repeat(3, 10), .. Enumerable.Repeat(BoxAssignment.Neither, 20), .. Enumerable.Repeat(BoxAssignment.Background, 70)];

    [Fact]
    public void Sample_MorePositivesThanTheirShare_DrawsTheShareAndFillsUp()
    {
        var (positives, negatives) = BoxSampling.Sample(s_assigned, 16, 0.25, new Random(1));

        Assert.Equal((4, 12), (positives.Length, negatives.Length));
        Assert.All(positives, i => Assert.InRange(i, 0, 9));
        Assert.All(negatives, i => Assert.InRange(i, 30, 99));
        Assert.Equal(16, positives.Concat(negatives).Distinct().Count());
        Assert.Equal(positives.Order(), positives);
    }

    [Fact]
    public void Sample_FewerPositivesThanTheirShare_BackgroundTakesTheRest()
    {
        var (positives, negatives) = BoxSampling.Sample(s_assigned, 60, 0.5, new Random(1));

        Assert.Equal(Enumerable.Range(0, 10), positives);
        Assert.Equal(50, negatives.Length);
    }

    [Fact]
    public void Sample_FewerBoxesThanAskedFor_TakesAll()
    {
        var (positives, negatives) = BoxSampling.Sample(s_assigned, 1000, 0.5, new Random(1));

        Assert.Equal(Enumerable.Range(0, 10), positives);
        Assert.Equal(Enumerable.Range(30, 70), negatives);
    }

    [Fact]
    public void Sample_ManyTimes_EveryBoxEquallyOften()
    {
        var random = new Random(5);
        var counts = new int[100];
        for (var i = 0; i < 2000; i++)
        {
            var (positives, negatives) = BoxSampling.Sample(s_assigned, 19, 0.27, random);
            foreach (var drawn in positives.Concat(negatives))
            {
                counts[drawn]++;
            }
        }

        // 5 of 10, and 14 of 70: 1000 and 400 times.
        Assert.All(counts[..10], count => Assert.InRange(count, 900, 1100));
        Assert.All(counts[30..], count => Assert.InRange(count, 320, 480));
    }
}

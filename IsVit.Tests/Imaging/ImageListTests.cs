using IsVit.Core.Imaging;

namespace IsVit.Tests.Imaging;

public class ImageListTests
{
    [Fact]
    public void Permutation_FixedSeed_NeverChanges()
    {
        // Computed apart from this library, from its description, with a generator that gives SplitMix64's published test vector.
        Assert.Equal([4, 9, 2, 5, 1, 7, 6, 0, 3, 8], StableShuffle.Permutation(10, 0));
        Assert.Equal([6, 7, 0, 3, 5, 4, 2, 1, 9, 8], StableShuffle.Permutation(10, -1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void Permutation_AnyCount_HoldsEveryNumberOnce(int count)
        => Assert.Equal(Enumerable.Range(0, count), StableShuffle.Permutation(count, 42).Order());

    [Fact]
    public void Permutation_ManySeeds_PutsEveryNumberEverywhereEquallyOften()
    {
        var counts = new int[5, 5];
        for (var seed = 0; seed < 20_000; seed++)
        {
            var order = StableShuffle.Permutation(5, seed);
            for (var i = 0; i < 5; i++)
            {
                counts[i, order[i]]++;
            }
        }

        // 4000 expected; 5.3 standard deviations are 300.
        Assert.All(counts.Cast<int>(), count => Assert.InRange(count, 3700, 4300));
    }

    [Fact]
    public void ShuffleAndTake_KeepLabelsAndClassNames()
    {
        var list = new ImageList(Enumerable.Range(0, 10).Select(i => new ImageItem($"{i}.jpg", i)), ["a", "b"]);

        var sample = list.Shuffle(0).Take(4);

        Assert.Equal(StableShuffle.Permutation(10, 0).Take(4).Select(i => new ImageItem($"{i}.jpg", i)), sample);
        Assert.Equal(["a", "b"], sample.ClassNames);
        Assert.True(sample.HasLabels);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void Take_MoreThanThereAre_Throws(int count)
    {
        var list = new ImageList([new ImageItem("a.jpg"), new ImageItem("b.jpg", 1)]);
        Assert.Contains("The list has 2 images", Assert.Throws<ArgumentOutOfRangeException>(() => list.Take(count)).Message, StringComparison.Ordinal);
        Assert.False(list.HasLabels);
    }
}

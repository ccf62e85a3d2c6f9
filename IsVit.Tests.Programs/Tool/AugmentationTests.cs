using IsVit.Tool.Data;
using IsVit.Tool.Training;

namespace IsVit.Tests.Programs.Tool;

public sealed class AugmentationTests
{
    private static readonly ImageSet Images = new([.. Enumerable.Range(1, 40).Select(i => (byte)i)], [0, 1], 5, 4);

    [Fact]
    public void Apply_NoShiftNoFlip_Copies()
    {
        var result = new byte[40];

        Augmentation.Apply(Images, [1, 0], maximumShift: 0, flipProbability: 0, new Random(1), result);

        Assert.Equal([.. Images.Image(1), .. Images.Image(0)], result);
    }

    [Fact]
    public void Apply_Flip_MirrorsEveryRow()
    {
        var result = new byte[20];

        Augmentation.Apply(Images, [0], maximumShift: 0, flipProbability: 1, new Random(1), result);

        Assert.Equal([4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17], result);
    }

    [Fact]
    public void Apply_Shifts_AreAllShiftsOfTheImageWithZeroBorder()
    {
        var random = new Random(5);
        var seen = new HashSet<(int Down, int Right)>();
        for (var run = 0; run < 200; run++)
        {
            var result = Enumerable.Repeat((byte)255, 20).ToArray();
            Augmentation.Apply(Images, [0], maximumShift: 1, flipProbability: 0, random, result);
            var matches = from down in Enumerable.Range(-1, 3) from right in Enumerable.Range(-1, 3) where Shifted(down, right).SequenceEqual(result) select (down, right);
            seen.Add(Assert.Single(matches));
        }

        Assert.Equal(9, seen.Count);
    }

    private static byte[] Shifted(int down, int right)
    {
        var result = new byte[20];
        for (var row = 0; row < 5; row++)
        {
            for (var column = 0; column < 4; column++)
            {
                var (fromRow, fromColumn) = (row - down, column - right);
                result[(row * 4) + column] = fromRow is >= 0 and < 5 && fromColumn is >= 0 and < 4 ? Images.Image(0)[(fromRow * 4) + fromColumn] : (byte)0;
            }
        }

        return result;
    }
}

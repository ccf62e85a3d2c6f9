using System.Drawing;
using System.Globalization;
using IsVit.Model.Imaging;
using IsVit.Tests.Imaging.Golden;

namespace IsVit.Tests.Imaging;

public class ImageResizerTests
{
    // Pillow 9.4.0: Golden/make_golden.py prints it.
    private static readonly byte[] PillowBicubic4x3 =
    [
        107, 125, 137, 143, 130, 129, 113, 121, 129, 124, 127, 125, 138, 128, 119, 151, 117, 133, 138, 135, 129, 108, 139, 126, 135, 132, 128, 134,
        130, 112, 128, 136, 132, 138, 132, 150,
    ];

    public static TheoryData<string, int, int, int, int, string> Golden()
    {
        var data = new TheoryData<string, int, int, int, int, string>();
        foreach (var row in GoldenTable.Rows("resize.csv"))
        {
            data.Add(row[0], Int(row[1]), Int(row[2]), Int(row[3]), Int(row[4]), row[5]);
        }

        return data;

        static int Int(string cell) => int.Parse(cell, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Resize_SmallImage_EveryByteIsPillows()
    {
        using var image = SyntheticImage.Pattern(13, 9);

        using var resized = ImageResizer.Resize(image, 4, 3);

        Assert.Equal(PillowBicubic4x3, SyntheticImage.Rgb(resized));
    }

    [Theory]
    [MemberData(nameof(Golden))]
    public void Resize_AnySizes_BytesArePillows(string filter, int fromWidth, int fromHeight, int width, int height, string sha256)
    {
        using var image = SyntheticImage.Pattern(fromWidth, fromHeight);

        using var resized = ImageResizer.Resize(image, width, height, Enum.Parse<ResampleFilter>(filter));

        Assert.Equal((width, height), (resized.Width, resized.Height));
        Assert.Equal(sha256, SyntheticImage.Digest(SyntheticImage.Rgb(resized)));
    }

    [Theory]
    [InlineData(341, 256, 330, 248, 53, 12, 224, 224)]
    [InlineData(97, 61, 24, 15, 23, 14, 1, 1)]
    [InlineData(9, 7, 50, 40, 0, 39, 50, 1)]
    public void Resize_Part_EqualsThePartOfTheWhole(int fromWidth, int fromHeight, int width, int height, int left, int top, int partWidth, int partHeight)
    {
        using var image = SyntheticImage.Pattern(fromWidth, fromHeight);
        using var whole = ImageResizer.Resize(image, width, height);

        using var part = ImageResizer.Resize(image, width, height, new Rectangle(left, top, partWidth, partHeight));

        var expected = SyntheticImage.Rgb(whole).Chunk(width * 3).Skip(top).Take(partHeight).SelectMany(row => row.Skip(left * 3).Take(partWidth * 3));
        Assert.Equal(expected.ToArray(), SyntheticImage.Rgb(part));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(4, -1)]
    public void Resize_SideBelowOne_Throws(int width, int height)
    {
        using var image = SyntheticImage.Pattern(4, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageResizer.Resize(image, width, height));
    }

    [Theory]
    [InlineData(-1, 0, 2, 2)]
    [InlineData(0, 7, 2, 2)]
    [InlineData(0, 0, 0, 2)]
    [InlineData(int.MaxValue, 0, 2, 2)]
    public void Resize_PartOutside_Throws(int left, int top, int width, int height)
    {
        using var image = SyntheticImage.Pattern(4, 4);
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => ImageResizer.Resize(image, 8, 8, new Rectangle(left, top, width, height)));
        Assert.Contains("8 x 8", e.Message, StringComparison.Ordinal);
    }
}

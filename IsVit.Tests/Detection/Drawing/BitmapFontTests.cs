using IsVit.Detection.Drawing;

namespace IsVit.Tests.Detection.Drawing;

public sealed class BitmapFontTests
{
    [Fact]
    public void IsSet_EveryAsciiCharacter_HasAShapeOfItsOwn()
    {
        var shapes = Enumerable.Range(' ', '~' - ' ' + 1).Select(c => Shape((char)c)).ToArray();

        Assert.Equal(95, shapes.Distinct(StringComparer.Ordinal).Count());
        Assert.DoesNotContain('#', shapes[0]);
        Assert.All(shapes[1..], shape => Assert.Contains('#', shape));
    }

    [Fact]
    public void IsSet_Letter_LooksLikeIt()
    {
        Assert.Equal(
            """
            #####
            #....
            #....
            ####.
            #....
            #....
            #....
            .....
            """,
            Shape('F'));
    }

    [Theory]
    [InlineData('\u00E9')]
    [InlineData('\n')]
    [InlineData('\u007F')]
    public void IsSet_OtherCharacter_LooksLikeAQuestionMark(char character) => Assert.Equal(Shape('?'), Shape(character));

    private static string Shape(char character) => string.Join('\n', Enumerable.Range(0, BitmapFont.Height).Select(y =>
        string.Concat(Enumerable.Range(0, BitmapFont.Width).Select(x => BitmapFont.IsSet(character, x, y) ? '#' : '.'))));
}

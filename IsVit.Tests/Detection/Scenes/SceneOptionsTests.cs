using IsVit.Detection.Scenes;

namespace IsVit.Tests.Detection.Scenes;

public sealed class SceneOptionsTests
{
    [Fact]
    public void Options_ValueOutOfRange_NamesOptionValueAndRange()
    {
        (string Name, object Value, Func<SceneOptions> Create)[] cases =
        [
            ("Side", 100, () => new() { Side = 100 }),
            ("Side", 0, () => new() { Side = 0 }),
            ("Side", 1056, () => new() { Side = 1056 }),
            ("MinObjects", 0, () => new() { MinObjects = 0 }),
            ("MaxObjects", 101, () => new() { MaxObjects = 101 }),
            ("MinObjectSide", 7, () => new() { MinObjectSide = 7 }),
            ("MaxObjectSide", 1025, () => new() { MaxObjectSide = 1025 }),
            ("MaxHiddenShare", 0.95, () => new() { MaxHiddenShare = 0.95 }),
            ("MaxHiddenShare", double.NaN, () => new() { MaxHiddenShare = double.NaN }),
            ("MaxRotation", -1.0, () => new() { MaxRotation = -1 }),
            ("MaxRotation", 181.0, () => new() { MaxRotation = 181 }),
            ("Threshold", (byte)0, () => new() { Threshold = 0 }),
            ("MinPiecePixels", 0, () => new() { MinPiecePixels = 0 }),
            ("MinClutter", -1, () => new() { MinClutter = -1 }),
            ("MaxClutter", 101, () => new() { MaxClutter = 101 }),
            ("MaxNoise", -1, () => new() { MaxNoise = -1 }),
        ];

        Assert.All(cases, one =>
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(one.Create);
            Assert.Equal(one.Name, error.ParamName);
            Assert.Equal(one.Value, error.ActualValue);
            Assert.StartsWith(one.Name + " is ", error.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Sprite_BadArgument_NamesIt()
    {
        Assert.Equal("width", Assert.Throws<ArgumentOutOfRangeException>(() => new Sprite(new byte[4], 0, 4, 0)).ParamName);
        Assert.Equal("height", Assert.Throws<ArgumentOutOfRangeException>(() => new Sprite(new byte[1025], 1, 1025, 0)).ParamName);
        Assert.Equal("label", Assert.Throws<ArgumentOutOfRangeException>(() => new Sprite(new byte[4], 2, 2, -1)).ParamName);
        Assert.StartsWith("A sprite of 2 x 3 pixels has 6 bytes; found 5.", Assert.Throws<ArgumentException>(() => new Sprite(new byte[5], 2, 3, 0)).Message, StringComparison.Ordinal);
    }
}

using IsVit.Core.Imaging;
using IsVit.Detection.Drawing;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Detection.Drawing;

public sealed class DetectionPictureTests : IDisposable
{
    private static readonly PictureColor Red = new(255, 0, 0);
    private static readonly PictureColor Blue = new(0, 0, 255);
    private static readonly DetectionPictureOptions Plain = new() { Scale = 1, LineWidth = 2, Palette = [Red, Blue] };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Draw_Box_BorderLiesInsideTheBoxAndNothingElseChanges()
    {
        var picture = DetectionPicture.Draw(Ground(60, 40), 60, 40, [new DrawnObject(1, "", 10, 12, 40, 30)], Plain);

        AssertPixels(Decode(picture), 60, 40, (x, y) =>
        {
            var (inBox, inCore) = (x is >= 10 and < 40 && y is >= 12 and < 30, x is >= 12 and < 38 && y is >= 14 and < 28);
            return inBox && !inCore ? Blue : GroundAt(x, y);
        });
    }

    [Fact]
    public void Draw_BoxThatLeavesTheImage_IsCutOffAtItsEdge()
    {
        var picture = DetectionPicture.Draw(Ground(20, 20), 20, 20, [new DrawnObject(0, "", -5, 10, 1e9, 30)], Plain);

        AssertPixels(Decode(picture), 20, 20, (x, y) => y >= 10 && !(x is >= 2 and < 18 && y is >= 12 and < 18) ? Red : GroundAt(x, y));
    }

    [Fact]
    public void Draw_SmallImage_IsEnlargedToAReadableSize()
    {
        var picture = DetectionPicture.Draw(Ground(128, 128), 128, 128, [new DrawnObject(0, "", 30, 40, 60.5, 80)], Plain with { Scale = null, LineWidth = null });

        // Four pixels for one, and lines two pixels wide.
        AssertPixels(Decode(picture), 512, 512, (x, y) =>
        {
            var (inBox, inCore) = (x is >= 120 and < 242 && y is >= 160 and < 320, x is >= 122 and < 240 && y is >= 162 and < 318);
            return inBox && !inCore ? Red : GroundAt(x / 4, y / 4);
        });
    }

    [Theory]
    [InlineData(600, 100, 600)]
    [InlineData(512, 512, 512)]
    [InlineData(300, 200, 600)]
    [InlineData(20, 10, 520)]
    public void Draw_NoScale_LongerSideIsAtLeast512(int width, int height, int expected)
    {
        var picture = DetectionPicture.Draw(Ground(width, height), width, height, []);

        Assert.Equal((expected, expected * height / width), (picture.Width, picture.Height));
    }

    [Fact]
    public void Draw_Mask_IsTintedInsideAndOutlined()
    {
        var mask = new byte[30 * 20];
        for (var y = 5; y < 15; y++)
        {
            mask.AsSpan((y * 30) + 8, 12).Fill(1);
        }

        var picture = DetectionPicture.Draw(Ground(30, 20), 30, 20, [new DrawnObject(0, "", 0, 0, 0, 0) { Mask = mask }], Plain with { MaskOpacity = 0.25 });

        AssertPixels(Decode(picture), 30, 20, (x, y) =>
        {
            var (inMask, inCore) = (x is >= 8 and < 20 && y is >= 5 and < 15, x is >= 9 and < 19 && y is >= 6 and < 14);
            var ground = GroundAt(x, y);
            return inCore ? new PictureColor(Quarter(ground.Red, 255), Quarter(ground.Green, 0), Quarter(ground.Blue, 0)) : inMask ? Red : ground;
        });

        static byte Quarter(byte under, byte over) => (byte)(((under * 3) + over + 2) / 4);
    }

    [Fact]
    public void Draw_MaskOpacityZero_NoMask()
    {
        var mask = Enumerable.Repeat((byte)1, 100).ToArray();

        var picture = DetectionPicture.Draw(Ground(10, 10), 10, 10, [new DrawnObject(0, "", 0, 0, 0, 0) { Mask = mask }], Plain with { MaskOpacity = 0 });

        AssertPixels(Decode(picture), 10, 10, GroundAt);
    }

    [Fact]
    public void Draw_NameAndScore_AreWrittenAboveTheBox()
    {
        var picture = DetectionPicture.Draw(Ground(80, 60), 80, 60, [new DrawnObject(0, "Bag", 20, 30, 70, 50) { Score = 0.875 }], Plain);

        AssertPixels(Decode(picture), 80, 30, (x, y) => LabelAt("Bag 0.88", x - 20, y - 20, Red) ?? GroundAt(x, y));
    }

    [Fact]
    public void Draw_NoRoomAbove_TextLiesInTheBox()
    {
        var picture = DetectionPicture.Draw(Ground(80, 60), 80, 60, [new DrawnObject(0, "Bag", 20, 4, 70, 50)], Plain);

        AssertPixels(Decode(picture), 80, 4, GroundAt);
        AssertPixels(Decode(picture), 80, 14, (x, y) => LabelAt("Bag", x - 20, y - 4, Red) ?? (y is 4 or 5 && x is >= 20 and < 70 || (y > 4 && x is 68 or 69) ? Red : GroundAt(x, y)));
    }

    [Fact]
    public void Draw_NoRoomAtTheRight_TextIsShiftedToTheLeft()
    {
        var picture = DetectionPicture.Draw(Ground(80, 60), 80, 60, [new DrawnObject(0, "Ankle boot", 50, 30, 80, 50)], Plain);

        AssertPixels(Decode(picture), 80, 30, (x, y) => LabelAt("Ankle boot", x - 19, y - 20, Red) ?? GroundAt(x, y));
    }

    [Fact]
    public void Draw_Overlapping_FirstObjectIsOnTop()
    {
        DrawnObject[] both = [new(0, "", 2, 2, 12, 12), new(1, "", 2, 2, 12, 12)];

        var picture = DetectionPicture.Draw(Ground(20, 20), 20, 20, both, Plain);
        var turned = DetectionPicture.Draw(Ground(20, 20), 20, 20, [both[1], both[0]], Plain);

        Assert.Equal((Red, Blue), (At(Decode(picture), 20, 2, 2), At(Decode(turned), 20, 2, 2)));
    }

    [Fact]
    public void Draw_MinScore_LeavesOutWhatIsBelow()
    {
        DrawnObject[] objects = [new(0, "", 2, 20, 8, 40) { Score = 0.49 }, new(0, "", 12, 20, 18, 40) { Score = 0.5 }, new(1, "", 30, 20, 36, 40)];

        var found = Decode(DetectionPicture.Draw(Ground(60, 60), 60, 60, objects, Plain with { MinScore = 0.5 }));

        Assert.Equal((GroundAt(2, 30), Red, Blue), (At(found, 60, 2, 30), At(found, 60, 12, 30), At(found, 60, 30, 30)));
    }

    [Fact]
    public void Draw_MoreLabelsThanColours_ColoursBeginAnew()
    {
        var picture = DetectionPicture.Draw(Ground(20, 20), 20, 20, [new DrawnObject(5, "", 2, 2, 8, 8)], Plain);

        Assert.Equal(Blue, At(Decode(picture), 20, 2, 2));
    }

    [Fact]
    public void Draw_ImageFile_DrawsOverItsPixels()
    {
        var pixels = Enumerable.Range(0, 28 * 28).Select(i => (byte)(i * 7)).ToArray();
        FashionFolder.WriteImage(_folder["image.png"], pixels);

        var picture = DetectionPicture.Draw(_folder["image.png"], [new DrawnObject(0, "", 0, 0, 28, 28)], Plain);

        AssertPixels(Decode(picture), 28, 28, (x, y) =>
        {
            var grey = pixels[(y * 28) + x];
            return x is >= 2 and < 26 && y is >= 2 and < 26 ? new PictureColor(grey, grey, grey) : Red;
        });
    }

    [Fact]
    public void Draw_ImageFileThatIsNone_NamesIt()
    {
        var absent = Assert.Throws<ImageException>(() => DetectionPicture.Draw(_folder["absent.png"], []));
        var broken = Assert.Throws<ImageException>(() => DetectionPicture.Draw(_folder.File("broken.png", "no picture"u8), []));

        Assert.Equal((_folder["absent.png"], _folder["broken.png"]), (absent.Path, broken.Path));
    }

    [Fact]
    public void Save_SamePicture_SameBytesInFileAndStream()
    {
        DetectionPicture Make() => DetectionPicture.Draw(Ground(50, 40), 50, 40, [new DrawnObject(3, "Dress", 5, 5, 30, 30) { Score = 0.5, Mask = new byte[2000] }]);

        Make().Save(_folder["one.png"]);
        using var stream = new MemoryStream();
        Make().Save(stream);

        Assert.Equal(File.ReadAllBytes(_folder["one.png"]), stream.ToArray());
        Assert.Equal("PNG"u8.ToArray(), stream.ToArray()[1..4]);
    }

    [Fact]
    public void Save_ExistingLongerFile_IsReplaced()
    {
        var path = _folder.File("one.png", new byte[100_000]);

        DetectionPicture.Draw(Ground(10, 10), 10, 10, [], Plain).Save(path);

        using var image = new ImageDecoder().Decode(path);
        Assert.Equal((10, 10), (image.Width, image.Height));
        Assert.True(new FileInfo(path).Length < 10_000);
    }

    [Fact]
    public void Save_FolderThatIsNotThere_NamesTheFile()
    {
        var path = Path.Combine(_folder["absent"], "one.png");

        var error = Assert.Throws<ImageException>(() => DetectionPicture.Draw(Ground(10, 10), 10, 10, []).Save(path));

        Assert.Equal(path, error.Path);
        Assert.Contains("cannot be written", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SideBySide_TwoPictures_StandUnderTheirCaptions()
    {
        var left = DetectionPicture.Draw(Ground(70, 50), 70, 50, [], Plain);
        var right = DetectionPicture.Draw(Ground(60, 40), 60, 40, [new DrawnObject(0, "", 0, 0, 60, 40)], Plain);

        var both = DetectionPicture.SideBySide(left, right, "float", "quantized");

        var (ground, ink) = (new PictureColor(24, 24, 24), new PictureColor(255, 255, 255));
        AssertPixels(Decode(both), 134, 62, (x, y) => (x, y) switch
        {
            (_, < 12) => TextAt("float", x - 2, y - 2) || TextAt("quantized", x - 76, y - 2) ? ink : ground,
            ( < 70, _) => GroundAt(x, y - 12),
            ( >= 74, < 52) => x is >= 76 and < 132 && y is >= 14 and < 50 ? GroundAt(x - 74, y - 12) : Red,
            _ => ground,
        });
    }

    [Fact]
    public void SideBySide_LongCaption_EndsAtItsPicture()
    {
        var one = DetectionPicture.Draw(Ground(40, 40), 40, 40, [], Plain);

        var both = DetectionPicture.SideBySide(one, one, "abcdefghijk", "");

        AssertPixels(Decode(both), 84, 12, (x, y) => TextAt("abcdef", x - 2, y - 2) ? new PictureColor(255, 255, 255) : new PictureColor(24, 24, 24));
    }

    [Fact]
    public void Draw_BadObject_NamesItAndWhatIsWrong()
    {
        (DrawnObject Object, string Message)[] cases =
        [
            (null!, "Object 1 is null."),
            (new(0, null!, 0, 0, 1, 1), "Object 1 has no name (null)"),
            (new(-2, "", 0, 0, 1, 1), "Object 1 has the label -2, expected 0 or more."),
            (new(0, "", 3, 0, 1.5, 1), "Object 1 has the box (3, 0, 1.5, 1), expected finite edges"),
            (new(0, "", 0, double.NaN, 1, 1), "Object 1 has the box (0, NaN, 1, 1), expected finite edges"),
            (new(0, "", 0, 0, 1, 1) { Score = double.NaN }, "Object 1 has the score NaN, expected a finite number"),
            (new(0, "", 0, 0, 1, 1) { Mask = new byte[99] }, "Object 1 has a mask of 99 bytes, expected 100: 10 x 10 pixels."),
        ];

        Assert.All(cases, one =>
        {
            var error = Assert.Throws<ArgumentException>(() => DetectionPicture.Draw(Ground(10, 10), 10, 10, [new DrawnObject(0, "", 0, 0, 1, 1), one.Object], Plain));
            Assert.StartsWith(one.Message, error.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Draw_BytesOfAnotherSize_SaysBoth()
    {
        var error = Assert.Throws<ArgumentException>(() => DetectionPicture.Draw(new byte[299], 10, 10, []));

        Assert.StartsWith("10 x 10 pixels of 3 bytes are 300 bytes; found 299.", error.Message, StringComparison.Ordinal);
        Assert.Equal("width", Assert.Throws<ArgumentOutOfRangeException>(() => DetectionPicture.Draw([], 0, 10, [])).ParamName);
    }

    [Fact]
    public void Draw_ScaleThatFitsNoArray_IsAnError()
    {
        var error = Assert.Throws<ArgumentException>(() => DetectionPicture.Draw(new byte[3 * 1000 * 1000], 1000, 1000, [], new() { Scale = 32 }));

        Assert.Contains("32000 x 32000 pixels is too large", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_ValueOutOfRange_NamesOption()
    {
        (string Name, Func<DetectionPictureOptions> Create)[] cases =
        [
            ("Scale", () => new() { Scale = 0 }),
            ("Scale", () => new() { Scale = 33 }),
            ("LineWidth", () => new() { LineWidth = 0 }),
            ("LineWidth", () => new() { LineWidth = 65 }),
            ("MaskOpacity", () => new() { MaskOpacity = 1.1 }),
            ("MaskOpacity", () => new() { MaskOpacity = double.NaN }),
            ("MinScore", () => new() { MinScore = -0.1 }),
        ];

        Assert.All(cases, one => Assert.Equal(one.Name, Assert.Throws<ArgumentOutOfRangeException>(one.Create).ParamName));
        Assert.Throws<ArgumentNullException>(() => new DetectionPictureOptions { Palette = null! });
        Assert.Contains("no colours", Assert.Throws<ArgumentException>(() => new DetectionPictureOptions { Palette = [] }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DefaultPalette_AnyTwoColours_AreFarApart()
    {
        var palette = DetectionPictureOptions.DefaultPalette;

        Assert.Equal(20, palette.Count);
        Assert.All(
            from i in Enumerable.Range(0, 20) from j in Enumerable.Range(0, i) select (palette[i], palette[j]),
            pair => Assert.True(
                Math.Abs(pair.Item1.Red - pair.Item2.Red) + Math.Abs(pair.Item1.Green - pair.Item2.Green) + Math.Abs(pair.Item1.Blue - pair.Item2.Blue) >= 80, $"{pair}"));
    }

    private static byte[] Ground(int width, int height) =>
    [
        .. Enumerable.Range(0, width * height).SelectMany(i =>
        {
            var colour = GroundAt(i % width, i / width);
            return new[] { colour.Red, colour.Green, colour.Blue };
        }),
    ];

    private static PictureColor GroundAt(int x, int y) => new((byte)(40 + x), (byte)(90 + (y * 3 / 4)), (byte)(120 + ((x + y) % 13)));

    /// <summary>The colour of a pixel of a caption with its ground, one pixel wider than the text on each side; null outside.</summary>
    private static PictureColor? LabelAt(string text, int x, int y, PictureColor colour) =>
        x < 0 || y < 0 || x > text.Length * 6 || y >= 10 ? null : TextAt(text, x - 1, y - 1) ? new PictureColor(255, 255, 255) : colour;

    private static bool TextAt(string text, int x, int y) =>
        x >= 0 && y is >= 0 and < 8 && x < text.Length * 6 && x % 6 < 5 && BitmapFont.IsSet(text[x / 6], x % 6, y);

    private static byte[] Decode(DetectionPicture picture)
    {
        using var stream = new MemoryStream();
        picture.Save(stream);
        using var image = new ImageDecoder().Decode(stream.ToArray(), "picture");
        Assert.Equal((picture.Width, picture.Height), (image.Width, image.Height));
        var rgb = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(rgb);
        Assert.Equal(rgb, picture.Rgb.ToArray());
        return rgb;
    }

    private static PictureColor At(byte[] rgb, int width, int x, int y)
    {
        var at = ((y * width) + x) * 3;
        return new PictureColor(rgb[at], rgb[at + 1], rgb[at + 2]);
    }

    /// <summary>Compares the first rows.</summary>
    private static void AssertPixels(byte[] rgb, int width, int rows, Func<int, int, PictureColor> expected)
    {
        for (var y = 0; y < rows; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (wanted, found) = (expected(x, y), At(rgb, width, x, y));
                Assert.True(wanted == found, FormattableString.Invariant($"({x}, {y}): {found}, expected {wanted}"));
            }
        }
    }
}

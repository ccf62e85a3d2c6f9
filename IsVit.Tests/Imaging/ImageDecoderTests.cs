using System.Buffers.Binary;
using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Tests.Imaging.Golden;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Imaging;

public sealed class ImageDecoderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, int, int, string, string> Golden()
    {
        var data = new TheoryData<string, int, int, string, string>();
        foreach (var row in GoldenTable.Rows("decode.csv"))
        {
            data.Add(row[0], int.Parse(row[1], CultureInfo.InvariantCulture), int.Parse(row[2], CultureInfo.InvariantCulture), row[3], row[6]);
        }

        return data;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Golden))]
    public void Decode_EveryKindOfFile_BytesArePillows(string file, int width, int height, string sha256, string uprightSha256)
    {
        _ = uprightSha256;
        using var image = new ImageDecoder().Decode(GoldenTable.ImageFile(file));

        Assert.Equal((width, height), (image.Width, image.Height));
        Assert.Equal(sha256, SyntheticImage.Digest(SyntheticImage.Rgb(image)));
    }

    [Theory]
    [MemberData(nameof(Golden))]
    public void Decode_ApplyOrientation_BytesAreThoseOfPillowsTransposedImage(string file, int width, int height, string sha256, string uprightSha256)
    {
        _ = sha256;
        using var image = new ImageDecoder(new ImageDecoderOptions { ApplyOrientation = true }).Decode(GoldenTable.ImageFile(file));

        Assert.Equal(width * height, image.Width * image.Height);
        Assert.Equal(uprightSha256, SyntheticImage.Digest(SyntheticImage.Rgb(image)));
    }

    [Fact]
    public void Decode_SixteenBitGrey_KeepsTheHighByte()
    {
        // Pillow clips such values to 255 instead, which leaves nearly every image white; here grey is treated as colour is.
        using var image = new ImageDecoder().Decode(GoldenTable.ImageFile("deep_grey.png"));

        var expected = Enumerable.Range(0, 37 * 26).SelectMany(i => Enumerable.Repeat((byte)(((i % 37 * 1700) + (i / 37 * 40)) >> 8), 3));
        Assert.Equal(expected.ToArray(), SyntheticImage.Rgb(image));
    }

    [Fact]
    public void Decode_NameEndsInAnotherKind_ContentDecides()
    {
        var path = _folder.File("png_in_disguise.jpg", File.ReadAllBytes(GoldenTable.ImageFile("colour.png")));
        using var image = new ImageDecoder().Decode(path);
        Assert.Equal((37, 26), (image.Width, image.Height));
    }

    [Theory]
    [InlineData("colour.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("colour.png")]
    [InlineData("colour.bmp")]
    [InlineData("lossy.webp")]
    [InlineData("lossless.webp")]
    public void Decode_CutOffAnywhere_ThrowsNamingTheFile(string file)
    {
        var whole = File.ReadAllBytes(GoldenTable.ImageFile(file));
        var decoder = new ImageDecoder();
        for (var part = 2; part <= 9; part++)
        {
            var cut = whole.AsSpan(0, whole.Length * part / 10).ToArray();
            var e = Assert.Throws<ImageException>(() => decoder.Decode(cut, "some/image"));
            Assert.StartsWith("'some/image': ", e.Message, StringComparison.Ordinal);
            Assert.Matches("cut off|damaged", e.Message);
        }
    }

    [Fact]
    public void Decode_TruncatedJpegFile_SaysSoWithPathAndSize()
    {
        var whole = File.ReadAllBytes(GoldenTable.ImageFile("colour.jpg"));
        var path = _folder.File("cut.jpg", whole.AsSpan(0, whole.Length * 2 / 3));

        var e = Assert.Throws<ImageException>(() => new ImageDecoder().Decode(path));

        Assert.Equal(path, e.Path);
        Assert.Equal("the JPEG image of 37 x 26 pixels ends before the last pixel: the file is cut off.", e.Reason);
    }

    [Fact]
    public void Decode_TextNamedJpg_SaysWhatItBeginsWith()
    {
        var path = _folder.File("text.jpg", "hello"u8);
        var e = Assert.Throws<ImageException>(() => new ImageDecoder().Decode(path));
        Assert.Equal($"'{path}': not a JPEG, PNG, BMP or WebP image: 5 bytes that begin with 68656C6C6F.", e.Message);
    }

    [Fact]
    public void Decode_ZeroBytes_SaysSo()
    {
        var path = _folder.File("zero.jpg", []);
        Assert.Equal($"'{path}': the file is empty (0 bytes).", Assert.Throws<ImageException>(() => new ImageDecoder().Decode(path)).Message);
    }

    [Fact]
    public void Decode_NoSuchFile_SaysSo()
    {
        var path = Path.Combine(_folder.Path, "absent.png");
        Assert.Equal($"'{path}': no such file.", Assert.Throws<ImageException>(() => new ImageDecoder().Decode(path)).Message);
        Assert.Throws<ImageException>(() => new ImageDecoder().Decode(_folder.Path));
    }

    [Fact]
    public void Decode_HeaderClaimsAHugeImage_RefusesBeforeAllocating()
    {
        // The header of a PNG, with another size and a checksum that fits it.
        var bomb = File.ReadAllBytes(GoldenTable.ImageFile("colour.png"));
        BinaryPrimitives.WriteInt32BigEndian(bomb.AsSpan(16), 60000);
        BinaryPrimitives.WriteInt32BigEndian(bomb.AsSpan(20), 60000);
        BinaryPrimitives.WriteUInt32BigEndian(bomb.AsSpan(29), Crc32(bomb.AsSpan(12, 17)));
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var e = Assert.Throws<ImageException>(() => new ImageDecoder().Decode(bomb, "bomb.png"));

        Assert.Equal("60000 x 60000 pixels; at most 89478485 are allowed (MaxPixels).", e.Reason);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 1_000_000);
    }

    [Fact]
    public void Decode_LargerThanTheOptionsAllow_NamesTheOption()
    {
        var file = GoldenTable.ImageFile("colour.jpg");

        var pixels = Assert.Throws<ImageException>(() => new ImageDecoder(new ImageDecoderOptions { MaxPixels = 961 }).Decode(file));
        var bytes = Assert.Throws<ImageException>(() => new ImageDecoder(new ImageDecoderOptions { MaxFileBytes = 100 }).Decode(file));

        Assert.Contains("37 x 26 pixels; at most 961 are allowed (MaxPixels)", pixels.Message, StringComparison.Ordinal);
        Assert.Contains("at most 100 are allowed (MaxFileBytes)", bytes.Message, StringComparison.Ordinal);
        using var fits = new ImageDecoder(new ImageDecoderOptions { MaxPixels = 962 }).Decode(file);
        Assert.Equal(37, fits.Width);
    }

    [Fact]
    public void Options_OutOfRange_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageDecoderOptions { MaxPixels = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageDecoderOptions { MaxPixels = 500_000_001 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageDecoderOptions { MaxFileBytes = 0 });
    }

    [Fact]
    public void Decode_DamagedBytes_NeverEndsInAnotherException()
    {
        // Whatever a damaged file holds, it is an image or an ImageException; fixed seed, every kind of file.
        var random = new Random(1);
        var decoder = new ImageDecoder(new ImageDecoderOptions { MaxPixels = 1 << 20 });
        foreach (var name in new[] { "colour.jpg", "progressive.jpg", "cmyk.jpg", "palette.png", "alpha.png", "deep.png", "palette.bmp", "colour.bmp", "lossy.webp", "alpha_lossless.webp" })
        {
            var whole = File.ReadAllBytes(GoldenTable.ImageFile(name));
            for (var trial = 0; trial < 60; trial++)
            {
                var damaged = (byte[])whole.Clone();
                for (var hit = 0; hit < 3; hit++)
                {
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                }

                try
                {
                    decoder.Decode(damaged, name).Dispose();
                }
                catch (ImageException)
                {
                }
            }
        }
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        return ~crc;
    }
}

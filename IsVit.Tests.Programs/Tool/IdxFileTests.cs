using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Data;

namespace IsVit.Tests.Programs.Tool;

public sealed class IdxFileTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_ImagesPlainOrCompressed_GivesShapeAndElements(bool compressed)
    {
        using var folder = new TemporaryFolder();
        byte[] elements = [.. Enumerable.Range(0, 24).Select(i => (byte)(10 * i))];
        var path = IdxFiles.Write(folder["images"], IdxFiles.Bytes([2, 3, 4], elements), compressed);

        var file = IdxFile.Read(path, rank: 3);

        Assert.Equal([2, 3, 4], file.Shape);
        Assert.Equal(elements, file.Elements);
    }

    public static TheoryData<byte[], string> Broken => new()
    {
        { [], "the header needs 4 bytes, 0 are there" },
        { [1, 2, 8, 3], "begins with 01 02, expected 00 00" },
        { IdxFiles.Bytes([2, 2, 2], new byte[8], type: 0x0d), "elements of type 0d, expected 08" },
        { IdxFiles.Bytes([8], new byte[8]), "1 dimensions, expected 3" },
        { [0, 0, 8, 3, 0, 0, 0, 1], "the dimensions needs 12 bytes, 4 are there" },
        { IdxFiles.Bytes([2, 2, 2], new byte[7]), "8 elements (2 x 2 x 2) needs 8 bytes, 7 are there" },
        { IdxFiles.Bytes([2, 2, 2], new byte[9]), "more bytes than the 8 elements" },
        { IdxFiles.Bytes([2, 0, 2], []), "dimension 1 is 0" },
        { IdxFiles.Bytes([4_000_000_000, 2, 2], []), "dimension 0 is 4000000000" },
        { IdxFiles.Bytes([65_536, 65_536, 65_536], []), "dimension 1 is 65536" },
        { [0x1f, 0x8b, 1, 2, 3], "cannot be read" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void Read_BrokenFile_NamesItAndWhatIsWrong(byte[] bytes, string expected)
    {
        using var folder = new TemporaryFolder();
        var path = IdxFiles.Write(folder["images"], bytes);

        var error = Assert.Throws<ToolException>(() => IdxFile.Read(path, rank: 3));

        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_CompressedFileThatEndsEarly_IsAnError()
    {
        using var folder = new TemporaryFolder();
        var path = IdxFiles.Write(folder["images"], IdxFiles.Bytes([2, 2, 2], new byte[8]), compressed: true);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..14]);

        Assert.Throws<ToolException>(() => IdxFile.Read(path, rank: 3));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_FileThatAnnouncesMoreThanItHas_AsksForLittleMemory(bool compressed)
    {
        using var folder = new TemporaryFolder();
        var path = IdxFiles.Write(folder["images"], IdxFiles.Bytes([8, 4096, 4096], new byte[8]), compressed);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.Throws<ToolException>(() => IdxFile.Read(path, rank: 3));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        Assert.Contains("134217728 bytes, 8 are there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MissingFile_IsAnError()
    {
        var error = Assert.Throws<ToolException>(() => IdxFile.Read("/nowhere/images", rank: 3));

        Assert.Equal("/nowhere/images: no such file.", error.Message);
    }
}

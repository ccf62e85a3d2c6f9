using System.Buffers.Binary;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Files;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Models.WeightFiles;

public sealed class SafetensorsBrokenFileTests
{
    /// <summary>A header, the length of the data after it, the tensor that the error names and what it says.</summary>
    public static TheoryData<string, int, string?, string> Broken => new()
    {
        { "", 0, null, "begins with '{', found an empty one" },
        { "[]", 0, null, "begins with '{', found the byte 0x5b" },
        { "{", 0, null, "a header in JSON" },
        { "{}}", 0, null, "a header in JSON" },
        { "{\"a\xff\":1}", 0, "aÿ", "an object with dtype, shape and data_offsets, found the number 1" },
        { """{"a":null}""", 0, "a", "an object with dtype, shape and data_offsets, found null" },
        { """{"a":{}}""", 0, "a", "a dtype, found none" },
        { """{"a":{"dtype":"F32"}}""", 0, "a", "a shape, found none" },
        { """{"a":{"dtype":"F32","shape":[1]}}""", 0, "a", "two data_offsets, found none" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "a", "two data_offsets, found 1" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4, "a", "at most 2 numbers in data_offsets" },
        { """{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}""", 4, "a", "found 'X9'" },
        { """{"a":{"dtype":5,"shape":[1],"data_offsets":[0,4]}}""", 4, "a", "a text as dtype, found the number 5" },
        { """{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "a", "whole numbers from 0 in shape, found the number -1" },
        { """{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "a", "found the number 1.5" },
        { """{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}""", 4, "a", "found the number 99999999999999999999" },
        { """{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "a", "found a text" },
        { """{"a":{"dtype":"F32","shape":{},"data_offsets":[0,4]}}""", 4, "a", "an array as shape, found an object" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "a", "expected 8 bytes for F32 [2], found 4" },
        { """{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "a", "[4611686018427387904, 4] can have, found 0" },
        { """{"a":{"dtype":"F32","shape":[0,4611686018427387904,4611686018427387904],"data_offsets":[0,0]}}""", 0, "a", "can have" },
        { """{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "a", "can have, found 1" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "a", "within the file's 3 bytes of data, found [0, 4]" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "a", "found [4, 0]" },
        { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "a", "expected data from 0, where the tensor before it ends, found data from 1, a hole" },
        { """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "b", "an overlap" },
        { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 2, null, "1 bytes of data, what the tensors have together, found 2" },
        { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "a", "each name once, found it twice" },
        { """{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "a", "dtype once" },
        { """{"__metadata__":{"k":1}}""", 0, "__metadata__", "a text as 'k', found the number 1" },
        { """{"__metadata__":[]}""", 0, "__metadata__", "an object of texts, found an array" },
        { """{"__metadata__":{"k":"1","k":"2"}}""", 0, "__metadata__", "'k' once" },
        { """{"\ud800":{}}""", 0, null, "a header in JSON" },
    };

    [Theory]
    [MemberData(nameof(Broken), DisableDiscoveryEnumeration = true)]
    public void Open_BrokenHeader_SaysWhatWasExpectedAndFound(string header, int dataLength, string? tensor, string says)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Safetensors(header, dataLength);

        var error = Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path));

        Assert.Equal(path, error.FilePath);
        Assert.Equal(tensor, error.TensorName);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData(1UL << 40)]
    [InlineData(9UL)]
    public void Open_HeaderLengthBeyondTheFile_ThrowsWithoutAllocatingIt(ulong length)
    {
        using var folder = new TemporaryFolder();
        var content = "........{}      "u8.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(content, length);
        var path = folder.File("lying", content);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Contains($"at most 8 bytes (what the file holds after the first 8), found a header length of {length}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_HeaderLengthBeyondTheFormatsLimit_Throws()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("sparse", [1, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, (byte)'{']);
        using (var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Write))
        {
            RandomAccess.SetLength(handle, 200_000_000);
        }

        var error = Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path));

        Assert.Contains("at most 100000000 bytes (the format's limit), found a header length of 100000001", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_HugeName_IsShortenedInTheMessage()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Safetensors($$"""{"{{new string('n', 1_000_000)}}":1}""", 0);

        Assert.InRange(Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path)).Message.Length, 200, 1000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Open_FewerThanEightBytes_Throws(int length)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("short", new byte[length]);

        Assert.Contains($"found {length} bytes", Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }
}

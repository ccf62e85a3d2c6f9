using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Files;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Models.WeightFiles;

public sealed class SafetensorsFileTests
{
    [Fact]
    public void Open_OracleFile_ListsItsTensorsAndTexts()
    {
        using var file = SafetensorsFile.Open(SharedData.Oracle("vit_micro.safetensors"));

        Assert.Equal("timm", file.Metadata["source"]);
        var info = file.Tensors["state/blocks.2.mlp.fc1.weight"];
        Assert.Equal("F32", info.ElementType);
        Assert.Equal([192, 48], info.Shape);
        Assert.Equal(192 * 48 * 4, info.ByteCount);
        Assert.Equal(new FileInfo(file.FilePath).Length, file.Tensors.Values.Max(t => t.Offset + t.ByteCount));
    }

    [Fact]
    public void Read_HandmadeFile_GivesTheBytesAsNumbers()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder.Safetensors("""{"a":{"dtype":"I16","shape":[2,1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[],"data_offsets":[4,5]} }  """, 5);
        var content = File.ReadAllBytes(path);
        new byte[] { 0x01, 0x02, 0xff, 0xff, 7 }.CopyTo(content, content.Length - 5);
        File.WriteAllBytes(path, content);

        using var file = SafetensorsFile.Open(path);

        Assert.Equal(new short[] { 0x0201, -1 }, file.Read("a").data<short>().ToArray());
        Assert.Equal([2, 1], file.Read("a").shape);
        Assert.Equal(7, file.Read("b").item<byte>());
        Assert.Empty(file.Read("b").shape);
    }

    [Fact]
    public void ReadInto_OtherType_Converts()
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TemporaryFolder();
        SafetensorsFile.Write(folder["x"], [new("x", torch.tensor(new[] { 1.5f, -2f }))]);
        using var file = SafetensorsFile.Open(folder["x"]);
        var destination = torch.zeros(2, torch.float64);

        file.ReadInto("x", destination);

        Assert.Equal(new[] { 1.5, -2.0 }, destination.data<double>().ToArray());
    }

    [Theory]
    [InlineData("U16", 2)]
    [InlineData("U32", 4)]
    [InlineData("U64", 8)]
    [InlineData("F8_E4M3", 1)]
    [InlineData("F8_E5M2", 1)]
    public void Read_TypeWithoutTorchTensors_SaysSoByName(string type, int bytes)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Safetensors($"{{\"codes\":{{\"dtype\":\"{type}\",\"shape\":[1],\"data_offsets\":[0,{bytes}]}}}}", bytes);
        using var file = SafetensorsFile.Open(path);

        var error = Assert.Throws<WeightFileException>(() => file.Read("codes"));

        Assert.Equal(type, file.Tensors["codes"].ElementType);
        Assert.Equal("codes", error.TensorName);
        Assert.Contains($"found {type}, which", error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_BoolThatIsNeitherZeroNorOne_Throws()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Safetensors("""{"mask":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}""", 3);
        var content = File.ReadAllBytes(path);
        content[^1] = 2;
        File.WriteAllBytes(path, content);
        using var file = SafetensorsFile.Open(path);

        var error = Assert.Throws<WeightFileException>(() => file.Read("mask"));

        Assert.Contains("found 2 at element 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_UnknownName_NamesIt()
    {
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(folder.Safetensors("{}", 0));

        Assert.Equal("nothing", Assert.Throws<WeightFileException>(() => file.Read("nothing")).TensorName);
    }

    [Fact]
    public void Read_FileShortenedAfterOpening_ThrowsInsteadOfEndingTheProcess()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Safetensors("""{"x":{"dtype":"U8","shape":[20000],"data_offsets":[0,20000]}}""", 20000);
        using var file = SafetensorsFile.Open(path);
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not let a mapped file be shortened.");
        using (var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            RandomAccess.SetLength(handle, 100);
        }

        Assert.Contains("found 100 bytes", Assert.Throws<WeightFileException>(() => file.Read("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AfterDispose_Throws()
    {
        using var folder = new TemporaryFolder();
        var file = SafetensorsFile.Open(folder.Safetensors("""{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1));
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => file.Read("x"));
    }

    [Fact]
    public void Open_AbsentFile_ThrowsFileNotFound()
    {
        using var folder = new TemporaryFolder();

        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(folder["absent"]));
        Assert.Throws<FileNotFoundException>(() => WeightFile.Open(folder["absent"]));
    }
}

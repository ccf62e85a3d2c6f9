using System.Buffers.Binary;
using System.Text;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Models.WeightFiles;

public sealed class SafetensorsWriterTests
{
    [Theory]
    [InlineData(ScalarType.Float64, "F64")]
    [InlineData(ScalarType.Float32, "F32")]
    [InlineData(ScalarType.Float16, "F16")]
    [InlineData(ScalarType.BFloat16, "BF16")]
    [InlineData(ScalarType.Int64, "I64")]
    [InlineData(ScalarType.Int32, "I32")]
    [InlineData(ScalarType.Int16, "I16")]
    [InlineData(ScalarType.Int8, "I8")]
    [InlineData(ScalarType.Byte, "U8")]
    [InlineData(ScalarType.Bool, "BOOL")]
    public void Write_EveryType_ReadsBackEqual(ScalarType type, string name)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var tensors = new Dictionary<string, Tensor>
        {
            ["matrix"] = randint(0, 2, new long[] { 3, 5 }).to(type),
            ["scalar"] = ones([], type),
            ["empty"] = zeros([0, 3], type),
        };

        SafetensorsFile.Write(folder["x"], tensors);

        using var file = SafetensorsFile.Open(folder["x"]);
        Assert.Equal(tensors.Keys.Order(), file.Tensors.Keys.Order());
        foreach (var (key, tensor) in tensors)
        {
            var read = file.Read(key);
            Assert.Equal(name, file.Tensors[key].ElementType);
            Assert.Equal(type, read.dtype);
            Assert.Equal(tensor.shape, read.shape);
            Assert.Equal(tensor.bytes.ToArray(), read.bytes.ToArray());
        }
    }

    [Fact]
    public void Write_Parameter_TransposedView_AndOneSpanningChunks_ReadBackEqual()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var large = arange((1 << 26) + 3, ScalarType.Byte);
        var tensors = new Dictionary<string, Tensor>
        {
            ["parameter"] = new TorchSharp.Modules.Parameter(randn(2, 3)),
            ["transposed"] = randn(4, 3).t(),
            ["large"] = large,
        };

        SafetensorsFile.Write(folder["x"], tensors);

        using var file = SafetensorsFile.Open(folder["x"]);
        Assert.All(tensors, t => Assert.True(t.Value.Equals(file.Read(t.Key))));
    }

    [Fact]
    public void Write_SameTensorsInAnotherOrder_GivesTheSameBytes()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        KeyValuePair<string, Tensor>[] entries = [new("b", randn(2)), new("a", ones(3, ScalarType.Byte)), new("c", ones(1, float64))];

        SafetensorsFile.Write(folder["1"], entries, new Dictionary<string, string> { ["x"] = "1", ["y"] = "2" });
        SafetensorsFile.Write(folder["2"], entries.Reverse(), new Dictionary<string, string> { ["y"] = "2", ["x"] = "1" });

        Assert.Equal(File.ReadAllBytes(folder["1"]), File.ReadAllBytes(folder["2"]));
    }

    [Fact]
    public void Write_MixedTypes_AlignsEveryTensorToItsElements()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();

        SafetensorsFile.Write(folder["x"], [new("a", ones(3, ScalarType.Byte)), new("b", ones(3, float16)), new("c", ones(3, float64)), new("d", ones(3))]);

        using var file = SafetensorsFile.Open(folder["x"]);
        Assert.All(file.Tensors.Values, t => Assert.Equal(0, t.Offset % (t.ByteCount / t.Shape[0])));
        Assert.Equal(["c", "d", "b", "a"], file.Tensors.Values.OrderBy(t => t.Offset).Select(t => t.Name));
    }

    [Fact]
    public void Write_KnownTensor_GivesTheFormatsBytes()
    {
        using var folder = new TemporaryFolder();
        using var tensor = torch.tensor(new byte[] { 1, 2, 3 });

        SafetensorsFile.Write(folder["x"], [new("é", tensor)], new Dictionary<string, string> { ["k"] = "v" });

        var content = File.ReadAllBytes(folder["x"]);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(content);
        Assert.Equal(
            """{"__metadata__":{"k":"v"},"é":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""",
            Encoding.UTF8.GetString(content, 8, length).TrimEnd());
        Assert.Equal(0, length % 8);
        Assert.Equal(new byte[] { 1, 2, 3 }, content[(8 + length)..]);
    }

    [Fact]
    public void Write_WhatTheFormatCannotHold_ThrowsAndLeavesTheOldFile()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var old = folder.File("x", "old"u8);
        KeyValuePair<string, Tensor> a = new("a", ones(1));

        Assert.Contains("ComplexFloat32", Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(old, [new("c", ones(1, complex64))])).Message, StringComparison.Ordinal);
        Assert.Contains("'a' comes twice", Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(old, [a, a])).Message, StringComparison.Ordinal);
        Assert.Contains("reserved", Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(old, [new("__metadata__", ones(1))])).Message, StringComparison.Ordinal);

        Assert.Equal("old", File.ReadAllText(old));
        Assert.Equal(["x"], folder.Entries);
    }

    [Fact]
    public void Write_FailsHalfway_LeavesTheOldFileAndNothingElse()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var old = folder.File("x", "old"u8);
        using var first = ones(1000);
        using var noData = torch.ones(1000, device: torch.META);

        Assert.ThrowsAny<Exception>(() => SafetensorsFile.Write(old, [new("a", first), new("b", noData)]));

        Assert.Equal("old", File.ReadAllText(old));
        Assert.Equal(["x"], folder.Entries);
    }

    [Fact]
    public void Write_OverAnOpenFile_LeavesItsReaderTheOldTensors()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not let a mapped file be replaced.");
        SafetensorsFile.Write(folder["x"], [new("a", full(4, 1f))]);
        using var reader = SafetensorsFile.Open(folder["x"]);

        SafetensorsFile.Write(folder["x"], [new("a", full(4, 2f))]);

        Assert.Equal(4f, reader.Read("a").sum().item<float>());
        using var again = SafetensorsFile.Open(folder["x"]);
        Assert.Equal(8f, again.Read("a").sum().item<float>());
    }
}

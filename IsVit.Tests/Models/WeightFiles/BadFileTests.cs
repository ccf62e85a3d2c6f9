using System.Text.Json;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Models.WeightFiles.PyTorch;
using IsVit.Model.Files;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Models.WeightFiles;

/// <summary>The broken and hostile files of the oracle.</summary>
public sealed class BadFileTests(ITestOutputHelper output)
{
    [Fact]
    public void Open_EveryBadFile_IsRefusedAndNothingIsExecuted()
    {
        using var list = JsonDocument.Parse(File.ReadAllBytes(SharedData.Formats("bad", "expected.json")));
        var marker = list.RootElement.GetProperty("marker").GetString()!;
        Assert.False(File.Exists(marker), $"{marker} is there before the test.");
        var wrong = new List<string>();
        var count = 0;
        foreach (var entry in list.RootElement.GetProperty("files").EnumerateObject())
        {
            count++;
            var message = Refusal(SharedData.Formats("bad", entry.Name));
            output.WriteLine($"{entry.Name}: {message ?? "read"}");
            if (entry.Value.GetProperty("refuse").GetBoolean() != message is not null)
            {
                wrong.Add($"{entry.Name} ({entry.Value.GetProperty("what").GetString()}): {message ?? "read"}");
            }
        }

        Assert.Equal([], wrong);
        Assert.True(count >= 45, $"{count} files");
        Assert.False(File.Exists(marker), $"{marker} was made: a file was executed.");
    }

    [Theory]
    [InlineData("os_system_zip.pth", "the name 'posix.system'")]
    [InlineData("os_system_legacy.pth", "the name 'posix.system'")]
    [InlineData("os_system_protocol4.pth", "the name 'posix.system'")]
    [InlineData("os_system_inside_state_dict.pth", "the name 'posix.system'")]
    [InlineData("raw_global.pth", "the name 'os.system'")]
    [InlineData("eval.pth", ".eval'")]
    [InlineData("popen.pth", ".Popen'")]
    [InlineData("getattr_chain.pth", "the name '")]
    [InlineData("extension_opcode.pkl", "the instruction 0x82")]
    [InlineData("zip_no_last_byte.pth", "cut off")]
    [InlineData("zip_flip_tensor.pth", "the file is damaged")]
    [InlineData("zip_flip_offset.pth", "at its place in the archive")]
    [InlineData("zip_view_too_large.pth", "elements of its storage")]
    [InlineData("zip_missing_storage.pth", "the elements of storage '")]
    [InlineData("zip_short_storage.pth", "bytes in '")]
    [InlineData("zip_no_pickle.pth", "one 'data.pkl'")]
    [InlineData("legacy_flip_magic.pth", "the magic number of torch.save")]
    [InlineData("legacy_flip_protocol.pth", "version 1001")]
    [InlineData("legacy_flip_count.pth", "elements in storage")]
    [InlineData("legacy_last_tensor.pth", "cut off")]
    [InlineData("empty.pth", "an empty file")]
    public void Open_BadFile_SaysWhatIsWrong(string name, string says) => Assert.Contains(says, Refusal(SharedData.Formats("bad", name)), StringComparison.Ordinal);

    /// <summary>What people download in place of weights.</summary>
    public static TheoryData<string, byte[], string> Foreign => new()
    {
        { "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 346293852\n"u8.ToArray(), "a Git LFS pointer to a file of 346293852 bytes" },
        { "model.safetensors", "<!DOCTYPE html>\n<html><head>"u8.ToArray(), "an HTML page" },
        { "model.h5", [0x89, .. "HDF\r\n"u8, 0x1a, 10, 0], "an HDF5 file, as Keras writes" },
        { "model.gguf", [.. "GGUF"u8, 3, 0, 0, 0, 9, 9], "a GGUF file" },
        { "model.npy", [0x93, .. "NUMPY"u8, 1, 0], "a NumPy array" },
        { "model.pth", [0x1f, 0x8b, 8, 0, 0, 0], "a gzip file" },
        { "model.onnx", [8, 9, 0x12, 7], "an ONNX file" },
    };

    [Theory]
    [MemberData(nameof(Foreign), DisableDiscoveryEnumeration = true)]
    public void Open_WhatIsNoWeights_IsRecognised(string name, byte[] content, string says)
    {
        using var folder = new TemporaryFolder();

        Assert.Contains(says, Assert.Throws<WeightFileException>(() => WeightFile.Open(folder.File(name, content))).Message, StringComparison.Ordinal);
    }

    /// <summary>What would take memory without end is an error long before.</summary>
    [Theory]
    [InlineData(']', 5_000_000, "at most 4000000 values")]
    [InlineData('(', 2_000, "at most 1000 containers in one another")]
    [InlineData('2', 5_000_000, "a value on the stack")]
    public void Read_EndlessPickle_IsRefused(char instruction, int count, string says)
    {
        var pickle = new byte[count + 2];
        Array.Fill(pickle, (byte)instruction);
        (pickle[0], pickle[1]) = (0x80, 2);

        Assert.Contains(says, Assert.Throws<WeightFileException>(() => new PickleReader("file").Read(pickle, out _)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"weight_map\":{\"a\":\"../secret.safetensors\"}}", "the name of a file in the index's folder")]
    [InlineData("{\"weight_map\":{\"a\":3}}", "the name of a file in the index's folder, found 3")]
    [InlineData("{\"weight_map\":{}}", "at least one tensor")]
    [InlineData("{\"metadata\":{}}", "the object 'weight_map'")]
    [InlineData("[]", "the object 'weight_map'")]
    [InlineData("{", "an index in JSON")]
    [InlineData("{\"weight_map\":{\"a\":\"one\\u0000.safetensors\"}}", "the name of a file in the index's folder")]
    [InlineData("{\"weight_map\":{\"a\":\"one\\ud800\"}}", "an index in JSON")]
    [InlineData("{\"weight_map\":{\"\\ud800\":\"one.safetensors\"}}", "an index in JSON")]
    [InlineData("{\"weight_map\":{\"b\":\"one.safetensors\"}}", "it in 'one.safetensors', as the index says")]
    public void Open_BrokenIndex_SaysWhatIsWrong(string index, string says)
    {
        using var scope = torch.NewDisposeScope();
        using var folder = new TemporaryFolder();
        SafetensorsFile.Write(folder["one.safetensors"], [new("a", torch.ones(1))]);
        var path = folder.File("model.safetensors.index.json", System.Text.Encoding.UTF8.GetBytes(index));

        Assert.Contains(says, Assert.Throws<WeightFileException>(() => WeightFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_IndexWithANameThatNoFileHas_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("model.safetensors.index.json", System.Text.Encoding.UTF8.GetBytes($"{{\"weight_map\":{{\"a\":\"{new string('n', 300)}\"}}}}"));

        Assert.Contains("the name of a file in the index's folder", Assert.Throws<WeightFileException>(() => WeightFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_IndexThatIsNoUtf8_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("model.safetensors.index.json", [.. "{\"weight_map\":{\"a\":\"o"u8, 0xDF, .. "\"}}"u8]);

        Assert.Contains("an index in JSON", Assert.Throws<WeightFileException>(() => WeightFile.Open(path)).Message, StringComparison.Ordinal);
    }

    // Null where everything could be read.
    private static string? Refusal(string path)
    {
        try
        {
            using var scope = torch.NewDisposeScope();
            using var file = WeightFile.Open(path);
            foreach (var name in file.Tensors.Keys)
            {
                file.Read(name);
            }

            return null;
        }
        catch (WeightFileException error)
        {
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
            Assert.InRange(error.Message.Length, 1, 1000);
            return error.Message[path.Length..];
        }
    }
}

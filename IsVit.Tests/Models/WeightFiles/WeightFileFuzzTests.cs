using CsCheck;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Models.WeightFiles.PyTorch;
using IsVit.Model.Files;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Models.WeightFiles;

/// <summary>Whatever a file holds, reading it ends, with tensors or with a <see cref="WeightFileException"/>.</summary>
public sealed class WeightFileFuzzTests
{
    private static readonly byte[] Safetensors = Written((path, tensors) => SafetensorsFile.Write(path, tensors, new Dictionary<string, string> { ["k"] = "v" }));

    private static readonly byte[] TorchSharpFormat = Written((path, tensors) =>
    {
        using var writer = new BinaryWriter(File.Create(path));
        nn.Module.save_state_dict(writer, tensors);
    });

    private static readonly Gen<byte[]> Mutated =
        from original in Gen.Bool.Select(b => b ? Safetensors : TorchSharpFormat)
        from flips in Gen.Select(Gen.Int[0, 319], Gen.Byte).Array[0, 6]
        from length in Gen.OneOf(Gen.Const(int.MaxValue), Gen.Int[0, 400])
        select Mutate(original, flips, length);

    private static readonly string[] Words =
    [
        "{", "}", "[", "]", ",", ":", "0", "4", "-1", "1e9", "9223372036854775807", "null", "\"", " ", "\"a\"", "\"__metadata__\"", "\"a\":{", "\"b\":{",
        "\"dtype\":\"F32\"", "\"dtype\":\"F4\"", "\"shape\":[1]", "\"shape\":[]", "\"shape\":[0,4611686018427387904]", "\"data_offsets\":[0,4]", "\"data_offsets\":[0,0]",
    ];

    private static readonly Gen<byte[]> Pieces =
        from parts in Gen.Int[0, Words.Length - 1].Select(i => Words[i]).Array[0, 12]
        from data in Gen.Byte.Array[0, 8]
        let json = System.Text.Encoding.UTF8.GetBytes("{" + string.Concat(parts))
        select (byte[])[.. BitConverter.GetBytes((long)json.Length), .. json, .. data];

    [Fact]
    public void Open_ChangedOrCutFiles_ReadOrThrowWeightFileException() => Sample(Mutated, 1500);

    [Fact]
    public void Open_HeadersOfRandomPieces_ReadOrThrowWeightFileException() => Sample(Pieces, 1000);

    [Fact]
    public void Open_RandomBytes_ReadOrThrowWeightFileException() => Sample(Gen.Byte.Array[0, 64], 500);

    [Theory]
    [InlineData("good_zip.pth")]
    [InlineData("good_legacy.pth")]
    public void Open_ChangedOrCutFilesOfPyTorch_ReadOrThrowWeightFileException(string name)
    {
        var original = File.ReadAllBytes(SharedData.Formats("bad", name));
        Sample(
            from flips in Gen.Select(Gen.Int[0, original.Length - 1], Gen.Byte).Array[0, 4]
            from length in Gen.OneOf(Gen.Const(int.MaxValue), Gen.Int[0, original.Length])
            select Mutate(original, flips, length),
            700);
    }

    /// <summary>Without an archive around it, whose checksum catches most changes.</summary>
    [Fact]
    public void Read_ChangedPickle_GivesAValueOrThrowsWeightFileException()
    {
        using var file = MappedFile.Open(SharedData.Formats("pth", "values_zip.pth"));
        var record = new ZipArchiveIndex(file).Records["values_zip/data.pkl"];
        var original = file.Slice(record.Offset, record.Length).ToArray();
        var changed =
            from flips in Gen.Select(Gen.Int[0, original.Length - 1], Gen.Byte).Array[0, 6]
            from length in Gen.OneOf(Gen.Const(int.MaxValue), Gen.Int[0, original.Length])
            select Mutate(original, flips, length);
        changed.Sample(
            static bytes =>
            {
                try
                {
                    new PickleReader("fuzzed").Read(bytes, out var length);
                    return length <= bytes.Length;
                }
                catch (WeightFileException error)
                {
                    return error.FilePath == "fuzzed";
                }
            },
            iter: 20_000,
            threads: 1);
    }

    private static void Sample(Gen<byte[]> files, int count)
    {
        using var folder = new TemporaryFolder();
        files.Sample(content => ReadsOrRefuses(folder.File("fuzzed", content)), iter: count, threads: 1);
    }

    private static bool ReadsOrRefuses(string path)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var file = WeightFile.Open(path);
            foreach (var name in file.Tensors.Keys)
            {
                try
                {
                    Assert.Equal(file.Tensors[name].ByteCount, file.Read(name) is var tensor ? tensor.NumberOfElements * tensor.ElementSize : 0);
                }
                catch (WeightFileException e)
                {
                    Assert.Equal(name, e.TensorName);
                }
            }
        }
        catch (WeightFileException e)
        {
            Assert.Equal(path, e.FilePath);
        }

        return true;
    }

    private static byte[] Mutate(byte[] original, (int Position, byte Value)[] flips, int length)
    {
        var content = original.ToArray();
        foreach (var (position, value) in flips)
        {
            content[position % content.Length] ^= value;
        }

        return content[..Math.Min(length, content.Length)];
    }

    private static byte[] Written(Action<string, Dictionary<string, Tensor>> write)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        write(folder["x"], new Dictionary<string, Tensor>
        {
            ["blocks.0.weight"] = arange(6, float32).view(2, 3),
            ["mask"] = ones(3, ScalarType.Bool),
            ["half"] = ones(2, float16),
            ["none"] = zeros(0, 4),
            ["one"] = tensor(7L),
        });
        return File.ReadAllBytes(folder["x"]);
    }
}

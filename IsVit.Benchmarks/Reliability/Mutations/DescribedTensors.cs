using System.Buffers.Binary;
using System.Text.Json;
using IsVit.Core.Models.WeightFiles;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>What a safetensors file says, read once more and in another way than the library does.</summary>
internal static class DescribedTensors
{
    private static readonly Dictionary<string, int> s_bits = new(StringComparer.Ordinal) { ["F64"] = 64, ["I64"] = 64, ["U64"] = 64, ["F32"] = 32, ["I32"] = 32, ["U32"] = 32, ["F16"] = 16, ["BF16"] = 16, ["I16"] = 16, ["U16"] = 16, ["I8"] = 8, ["U8"] = 8, ["BOOL"] = 8, ["F8_E4M3"] = 8, ["F8_E5M2"] = 8 };

    /// <summary>Compares a file with what it was read as.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="read">What it was read as.</param>
    /// <exception cref="WrongLoadException">They differ, or the file should have been refused.</exception>
    public static void Require(byte[] file, WeightFile read)
    {
        var length = (long)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, checked((int)length)));
        var data = file.AsSpan(8 + (int)length);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var bytes = 0L;
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            if (!names.Add(entry.Name))
            {
                throw new WrongLoadException($"'{entry.Name}' comes twice");
            }

            if (entry.Name == "__metadata__")
            {
                continue;
            }

            var (type, shape) = (entry.Value.GetProperty("dtype").GetString()!, entry.Value.GetProperty("shape").EnumerateArray().Select(static number => number.GetInt64()).ToArray());
            var offsets = entry.Value.GetProperty("data_offsets").EnumerateArray().Select(static number => number.GetInt64()).ToArray();
            if (!read.Tensors.TryGetValue(entry.Name, out var found) || found.ElementType != type || !found.Shape.SequenceEqual(shape))
            {
                throw new WrongLoadException($"'{entry.Name}' is {type} [{string.Join(", ", shape)}] there, and was read as {found}");
            }

            if (s_bits.TryGetValue(type, out var bits) && shape.Aggregate(1L, static (product, side) => checked(product * side)) * bits / 8 != offsets[1] - offsets[0])
            {
                throw new WrongLoadException($"'{entry.Name}' has another length than its shape says");
            }

            bytes += offsets[1] - offsets[0];
            var tensor = read.Read(entry.Name);
            using (tensor)
            {
                if (!data[(int)offsets[0]..(int)offsets[1]].SequenceEqual(tensor.bytes))
                {
                    throw new WrongLoadException($"'{entry.Name}' has other numbers");
                }
            }
        }

        if (bytes != data.Length || read.Tensors.Count != names.Count - (names.Contains("__metadata__") ? 1 : 0))
        {
            throw new WrongLoadException($"{read.Tensors.Count} tensors of {bytes} bytes were read of {names.Count} entries over {data.Length} bytes");
        }
    }
}

using System.Globalization;
using System.Text;
using IsVit.Model.Files;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>Recognises files that people take for weights, before they are interpreted as such.</summary>
internal static class ForeignFile
{
    private const int HeadBytes = 1024;

    /// <summary>What a file is, in words for an error.</summary>
    /// <param name="file">The file.</param>
    /// <returns>Null if it is none of those that are known here.</returns>
    public static string? Describe(MappedFile file)
    {
        var head = file.Slice(0, Math.Min(HeadBytes, file.Length));
        if (head.IsEmpty)
        {
            return "an empty file";
        }

        if (head.StartsWith("version https://git-lfs.github.com/spec/"u8))
        {
            return $"a Git LFS pointer{LengthIn(head)}; fetch the file itself with 'git lfs pull', or download it";
        }

        var text = Encoding.ASCII.GetString(head).TrimStart('?', ' ', '\t', '\r', '\n');
        if (text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            return "an HTML page: the download gave a web page, such as a login or an error, instead of the file";
        }

        return head switch
        {
            [0x89, (byte)'H', (byte)'D', (byte)'F', ..] => "an HDF5 file, as Keras writes weights; convert them to safetensors first",
            _ when head.StartsWith("GGUF"u8) && head.Length >= 8 && head[4] < 16 && head[5] == 0 => "a GGUF file, whose weights are quantized already or of a language model; use the float weights that it was made of",
            [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..] => "a NumPy array (.npy); a state dict has a name for each tensor",
            [0x1f, 0x8b, 8, ..] => "a gzip file; unpack it first",
            [0x28, 0xb5, 0x2f, 0xfd, ..] => "a zstd file; unpack it first",
            _ when head.Length >= 262 && head.Slice(257, 5).SequenceEqual("ustar"u8) => "a tar archive; unpack it first",
            _ when file.FilePath.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) => "an ONNX file, by its name, which holds a graph",
            _ => null,
        };
    }

    private static string LengthIn(ReadOnlySpan<byte> pointer)
    {
        var line = Encoding.ASCII.GetString(pointer).Split('\n').FirstOrDefault(static line => line.StartsWith("size ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? FormattableString.Invariant($" to a file of {length} bytes") : string.Empty;
    }
}

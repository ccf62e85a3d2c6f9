using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using IsVit.Model.Files;

namespace IsVit.Tests.Runtime;

/// <summary>Damages a saved model, in three of four cases with checksums that fit the damage.</summary>
/// <param name="whole">The file's content.</param>
internal sealed partial class ModelFileDamage(byte[] whole)
{
    private static readonly string[] Numbers = ["0", "1", "2", "-1", "3", "7", "8", "9", "16", "255", "65536", "2147483647", "2147483648", "4294967296", "9223372036854775807", "1e308", "1e-308", "1e400", "0.5", "99999999999999999999"];
    private static readonly uint[] Words = [0, 0xFFFF_FFFF, 0x7FC0_0000, 0x7F80_0000, 0xFF80_0000, 0x8000_0000, 0x0000_0001, 0x7F7F_FFFF, 0x3F80_0000];

    /// <summary>Damages the file once.</summary>
    /// <param name="random">Chooses the damage.</param>
    /// <param name="how">What it is.</param>
    /// <param name="isSealed">Whether checksums were made to fit it.</param>
    public byte[] Of(Random random, out string how, out bool isSealed)
    {
        isSealed = false;
        var file = whole.ToArray();
        var header = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        var data = SafetensorsReader.LengthBytes + header;
        var kind = random.Next(10);
        switch (kind)
        {
            case 0:
                how = "a bit";
                file[random.Next(file.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                how = "an end";
                return random.Next(2) == 0 ? file[..random.Next(file.Length)] : [.. file, .. new byte[random.Next(1, 100)]];
            case 2:
                how = "the header's length";
                BinaryPrimitives.WriteUInt64LittleEndian(file, random.Next(3) == 0 ? (ulong)random.NextInt64() : (ulong)(header + random.Next(-20, 20)));
                return file;
            case 3:
                how = "a byte of the header";
                file[SafetensorsReader.LengthBytes + random.Next(header)] = (byte)random.Next(256);
                break;
            case 4 or 5 or 6:
                var text = Encoding.UTF8.GetString(file.AsSpan(SafetensorsReader.LengthBytes, header));
                text = kind == 6 ? Tokens(text, random, out how) : NumberOf(text, random, out how);
                file = [.. new byte[SafetensorsReader.LengthBytes], .. Encoding.UTF8.GetBytes(text), .. file[data..]];
                BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)(file.Length - SafetensorsReader.LengthBytes - (whole.Length - data)));
                break;
            default:
                var at = data + random.Next(file.Length - data - sizeof(uint));
                how = FormattableString.Invariant($"data at {at}");
                BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), random.Next(2) == 0 ? Words[random.Next(Words.Length)] : (uint)random.NextInt64());
                break;
        }

        if (random.Next(4) > 0)
        {
            how += ", checksums made to fit";
            Seal(file);
            isSealed = true;
        }

        return file;
    }

    // A number of the header becomes another: of a shape, an offset, an architecture or a quantizer.
    private static string NumberOf(string text, Random random, out string how)
    {
        var numbers = NumberPattern().Matches(text);
        var match = numbers[random.Next(numbers.Count)];
        var number = random.Next(4) switch
        {
            0 => (long.TryParse(match.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value + random.Next(-2, 3) : 1).ToString(CultureInfo.InvariantCulture),
            1 => numbers[random.Next(numbers.Count)].Value,
            _ => Numbers[random.Next(Numbers.Length)],
        };
        how = $"{text[Math.Max(0, match.Index - 30)..match.Index]} {match.Value} becomes {number}";
        return string.Concat(text.AsSpan(0, match.Index), number, text.AsSpan(match.Index + match.Length));
    }

    // A word of the header becomes another of its words, or goes.
    private static string Tokens(string text, Random random, out string how)
    {
        var words = WordPattern().Matches(text);
        var match = words[random.Next(words.Count)];
        var word = random.Next(3) switch
        {
            0 => "",
            1 => "null",
            _ => words[random.Next(words.Count)].Value,
        };
        how = $"{text[Math.Max(0, match.Index - 30)..match.Index]} {match.Value} becomes '{word}'";
        return string.Concat(text.AsSpan(0, match.Index), word, text.AsSpan(match.Index + match.Length));
    }

    /// <summary>Writes the checksums anew, if the header can still be read.</summary>
    private static void Seal(byte[] file)
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file);
        if (length > (ulong)(file.Length - SafetensorsReader.LengthBytes))
        {
            return;
        }

        var data = SafetensorsReader.LengthBytes + (int)length;
        SafetensorsHeader header;
        try
        {
            header = SafetensorsHeader.Parse("damaged", file.AsSpan(SafetensorsReader.LengthBytes, (int)length), data, file.Length - data);
        }
        catch (WeightFileException)
        {
            return;
        }

        var tensors = header.Tensors.Where(static tensor => tensor.Name != SafetensorsReader.ChecksumsName).OrderBy(static tensor => tensor.Offset).ThenBy(static tensor => tensor.ByteCount).ToList();
        if (header.Tensors.FirstOrDefault(static tensor => tensor.Name == SafetensorsReader.ChecksumsName) is not { } sums || !sums.Is("U8", tensors.Count + 1, sizeof(uint)))
        {
            return;
        }

        var target = file.AsSpan((int)sums.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(target, Sum(file.AsSpan(0, data)));
        foreach (var tensor in tensors)
        {
            target = target[sizeof(uint)..];
            BinaryPrimitives.WriteUInt32LittleEndian(target, Sum(file.AsSpan((int)tensor.Offset, (int)tensor.ByteCount)));
        }
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        var crc = default(Crc32C);
        crc.Append(bytes);
        return crc.Value;
    }

    [GeneratedRegex("[0-9]+", RegexOptions.CultureInvariant)]
    private static partial Regex NumberPattern();

    [GeneratedRegex(@"[A-Za-z_][A-Za-z0-9_.\-]*", RegexOptions.CultureInvariant)]
    private static partial Regex WordPattern();
}

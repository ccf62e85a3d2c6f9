using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using IsVit.Model;
using IsVit.Model.Files;
using IsVit.Runtime;

namespace IsVit.Tests.Runtime;

/// <summary>Damages saved models, in every other case with checksums that fit the damage, and sees how they load.</summary>
internal sealed partial class ModelFileMutations
{
    // What the loading of a whole file of the same kind may differ by from run to run: caches, and tables that grow.
    private const long Slack = 1 << 16;

    private static readonly string[] Numbers = ["0", "1", "2", "-1", "3", "7", "8", "9", "16", "255", "65536", "2147483647", "2147483648", "4294967296", "9223372036854775807", "1e308", "1e-308", "1e400", "0.5", "99999999999999999999"];
    private static readonly uint[] Words = [0, 0xFFFF_FFFF, 0x7FC0_0000, 0x7F80_0000, 0xFF80_0000, 0x8000_0000, 0x0000_0001, 0x7F7F_FFFF, 0x3F80_0000];

    private readonly Random _random;
    private readonly byte[] _whole;
    private readonly string _path;
    private readonly long _allocated;

    /// <summary>Loads the whole file once.</summary>
    /// <param name="whole">The file's content.</param>
    /// <param name="path">Where damaged files are written.</param>
    /// <param name="seed">The seed of the damage.</param>
    public ModelFileMutations(byte[] whole, string path, int seed)
    {
        (_whole, _path, _random) = (whole, path, new Random(seed));
        for (var i = 0; i < 3; i++)
        {
            File.WriteAllBytes(path, whole);
            var before = GC.GetAllocatedBytesForCurrentThread();
            RuntimeModel.Load(path, new() { MaxDegreeOfParallelism = 1 });
            _allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    /// <summary>How many damaged files had which outcome.</summary>
    public SortedDictionary<string, int> Outcomes { get; } = new(StringComparer.Ordinal);

    /// <summary>Damages the file and loads it.</summary>
    /// <returns>What is wrong with the outcome, or null if nothing is.</returns>
    public string? Try()
    {
        var file = Damage(out var how);
        File.WriteAllBytes(_path, file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (outcome, fault) = ("loaded", (string?)null);
        RuntimeModel? model = null;
        try
        {
            model = RuntimeModel.Load(_path, new() { MaxDegreeOfParallelism = 1 });
        }
        catch (Exception e) when (e is IsVitException or ArgumentException)
        {
            outcome = e.GetType().Name;
        }
        catch (Exception e)
        {
            (outcome, fault) = ("wrong", $"{how}: {e}");
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > _allocated + Slack + (4L * file.Length))
        {
            fault ??= FormattableString.Invariant($"{how}: {allocated} bytes were allocated for a file of {file.Length}, {outcome}");
        }

        // A prediction takes longer than everything else.
        if (model is not null && _random.Next(4) == 0)
        {
            try
            {
                model.Predict(new float[model.InputLength]);
            }
            catch (Exception e)
            {
                fault ??= $"{how}: loaded, but no prediction: {e}";
            }
        }

        Outcomes[outcome] = Outcomes.GetValueOrDefault(outcome) + 1;
        return fault;
    }

    private byte[] Damage(out string how)
    {
        var file = _whole.ToArray();
        var header = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        var data = SafetensorsReader.LengthBytes + header;
        var kind = _random.Next(10);
        switch (kind)
        {
            case 0:
                how = "a bit";
                file[_random.Next(file.Length)] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                how = "an end";
                return _random.Next(2) == 0 ? file[.._random.Next(file.Length)] : [.. file, .. new byte[_random.Next(1, 100)]];
            case 2:
                how = "the header's length";
                BinaryPrimitives.WriteUInt64LittleEndian(file, _random.Next(3) == 0 ? (ulong)_random.NextInt64() : (ulong)(header + _random.Next(-20, 20)));
                return file;
            case 3:
                how = "a byte of the header";
                file[SafetensorsReader.LengthBytes + _random.Next(header)] = (byte)_random.Next(256);
                break;
            case 4 or 5 or 6:
                var text = Encoding.UTF8.GetString(file.AsSpan(SafetensorsReader.LengthBytes, header));
                text = kind == 6 ? Tokens(text, out how) : NumberOf(text, out how);
                file = [.. new byte[SafetensorsReader.LengthBytes], .. Encoding.UTF8.GetBytes(text), .. file[data..]];
                BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)(file.Length - SafetensorsReader.LengthBytes - (_whole.Length - data)));
                break;
            default:
                var at = data + _random.Next(file.Length - data - sizeof(uint));
                how = FormattableString.Invariant($"data at {at}");
                BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), _random.Next(2) == 0 ? Words[_random.Next(Words.Length)] : (uint)_random.NextInt64());
                break;
        }

        if (_random.Next(4) > 0)
        {
            how += ", checksums made to fit";
            Seal(file);
        }

        return file;
    }

    // A number of the header becomes another: of a shape, an offset, an architecture or a quantizer.
    private string NumberOf(string text, out string how)
    {
        var numbers = NumberPattern().Matches(text);
        var match = numbers[_random.Next(numbers.Count)];
        var number = _random.Next(4) switch
        {
            0 => (long.TryParse(match.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value + _random.Next(-2, 3) : 1).ToString(CultureInfo.InvariantCulture),
            1 => numbers[_random.Next(numbers.Count)].Value,
            _ => Numbers[_random.Next(Numbers.Length)],
        };
        how = $"{text[Math.Max(0, match.Index - 30)..match.Index]} {match.Value} becomes {number}";
        return string.Concat(text.AsSpan(0, match.Index), number, text.AsSpan(match.Index + match.Length));
    }

    // A word of the header becomes another of its words, or goes.
    private string Tokens(string text, out string how)
    {
        var words = WordPattern().Matches(text);
        var match = words[_random.Next(words.Count)];
        var word = _random.Next(3) switch
        {
            0 => "",
            1 => "null",
            _ => words[_random.Next(words.Count)].Value,
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

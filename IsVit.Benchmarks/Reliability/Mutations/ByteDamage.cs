using System.Buffers.Binary;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Damage to bytes of any meaning.</summary>
internal static class ByteDamage
{
    private static readonly ulong[] s_numbers = [0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF];

    /// <summary>One or a few pieces of damage.</summary>
    /// <param name="whole">The file.</param>
    /// <param name="random">Chooses them.</param>
    public static byte[] Of(byte[] whole, Random random)
    {
        var file = whole;
        for (var count = random.Next(3) == 0 ? random.Next(2, 6) : 1; count > 0; count--)
        {
            file = One(file, random);
        }

        return file;
    }

    private static byte[] One(byte[] whole, Random random)
    {
        if (whole.Length < 9)
        {
            return [.. whole, .. new byte[random.Next(1, 20)]];
        }

        var file = whole.ToArray();
        var at = Place(file.Length, random);
        switch (random.Next(9))
        {
            case 0 or 1:
                file[at] ^= (byte)(1 << random.Next(8));
                return file;
            case 2:
                file[at] = (byte)random.Next(256);
                return file;
            case 3:
                Number(file, at, random);
                return file;
            case 4:
                return file[..at];
            case 5:
                return [.. file, .. file.AsSpan(at, Math.Min(random.Next(1, 100), file.Length - at))];
            case 6:
                var gone = Math.Min(random.Next(1, 32), file.Length - at);
                return [.. file.AsSpan(0, at), .. file.AsSpan(at + gone)];
            case 7:
                var more = new byte[random.Next(1, 32)];
                random.NextBytes(more);
                return [.. file.AsSpan(0, at), .. more, .. file.AsSpan(at)];
            default:
                var from = random.Next(file.Length);
                var length = Math.Min(random.Next(1, 64), file.Length - Math.Max(at, from));
                file.AsSpan(from, length).CopyTo(file.AsSpan(at));
                return file;
        }
    }

    // What describes a file stands at its beginning or at its end.
    private static int Place(int length, Random random) => random.Next(4) switch
    {
        0 => random.Next(Math.Min(length, 64)),
        1 => length - 1 - random.Next(Math.Min(length, 64)),
        _ => random.Next(length),
    };

    private static void Number(byte[] file, int at, Random random)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        var number = s_numbers[random.Next(s_numbers.Length)];
        var width = 1 << random.Next(4);
        if (random.Next(2) == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
            bytes = bytes[..width];
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
            bytes = bytes[^width..];
        }

        bytes[..Math.Min(width, file.Length - at)].CopyTo(file.AsSpan(at));
    }
}

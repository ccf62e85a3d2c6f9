using System.Buffers.Binary;
using System.Text;
using IsVit.Model.Files;

namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>
/// The files of a zip archive (PKWARE's APPNOTE 6.3, with the extension for large files) as <c>torch.save</c> writes it: none is compressed, so that each can be read where it lies. Every statement is
/// checked against the archive.
/// </summary>
internal sealed class ZipArchiveIndex
{
    private const int EndBytes = 22;
    private const int MaxComment = ushort.MaxValue;
    private const int MaxRecords = 10_000_000;

    private readonly MappedFile _file;
    private readonly Dictionary<string, ZipRecord> _records = new(StringComparer.Ordinal);

    /// <summary>Reads the list of files.</summary>
    /// <param name="file">The archive.</param>
    /// <exception cref="WeightFileException">It is broken, or a file in it is compressed or encrypted.</exception>
    public ZipArchiveIndex(MappedFile file)
    {
        _file = file;
        var (position, end, count) = FindDirectory();
        for (var i = 0L; i < count; i++)
        {
            position = ReadRecord(position, end);
        }

        Require(position == end, FormattableString.Invariant($"a directory of {end} bytes"), FormattableString.Invariant($"one that ends at byte {position}"));
    }

    /// <summary>The files by name.</summary>
    public IReadOnlyDictionary<string, ZipRecord> Records => _records;

    /// <summary>Checks a file's checksum.</summary>
    /// <param name="record">The file.</param>
    /// <param name="tensor">The tensor that lies in it, for the message.</param>
    /// <exception cref="WeightFileException">It is another one.</exception>
    public void Verify(ZipRecord record, string? tensor)
    {
        const int ChunkBytes = 1 << 26;
        var crc = 0U;
        for (var done = 0L; done < record.Length; done += ChunkBytes)
        {
            crc = Crc32.Append(crc, _file.Slice(record.Offset + done, Math.Min(ChunkBytes, record.Length - done)));
        }

        if (crc != record.Checksum)
        {
            throw new WeightFileException(_file.FilePath, tensor, $"'{record.Name}' with the checksum {record.Checksum:x8}, as it was written", $"{crc:x8}: the file is damaged");
        }
    }

    // Where the directory begins and ends, and how many files it lists.
    private (long Position, long End, long Count) FindDirectory()
    {
        var tail = Math.Min(_file.Length, EndBytes + MaxComment);
        var bytes = _file.Slice(_file.Length - tail, tail);
        for (var at = bytes.Length - EndBytes; at >= 0; at--)
        {
            var record = bytes[at..];
            if (U32(record) == 0x06054b50 && U16(record[20..]) == record.Length - EndBytes)
            {
                var end = _file.Length - tail + at;
                var (disk, count, size, start) = (U16(record[4..]), (long)U16(record[10..]), (long)U32(record[12..]), (long)U32(record[16..]));
                if (end >= 20 && _file.Slice(end - 20, 20) is var locator && U32(locator) == 0x07064b50)
                {
                    (count, size, start, end) = ReadLargeEnd(locator, end - 20);
                }

                Require(disk == 0 && count <= MaxRecords, "one archive", "a part of several, or one of too many files");
                Require(start <= end && size == end - start, FormattableString.Invariant($"a directory that ends where the archive's end begins, at byte {end}"), FormattableString.Invariant($"one of {size} bytes at byte {start}"));
                return (start, end, count);
            }
        }

        throw Fail("a whole zip archive", "one without its end: the file was cut off");
    }

    private (long Count, long Size, long Start, long End) ReadLargeEnd(ReadOnlySpan<byte> locator, long before)
    {
        var at = U64(locator[8..]);
        Require(at <= before - 56, "the end of a large archive within the file", FormattableString.Invariant($"byte {at}"));
        var record = _file.Slice(at, 56);
        Require(U32(record) == 0x06064b50, "the end of a large archive", "other bytes");
        return (U64(record[32..]), U64(record[40..]), U64(record[48..]), at);
    }

    private long ReadRecord(long position, long end)
    {
        Require(end - position >= 46 && U32(_file.Slice(position, 4)) == 0x02014b50, FormattableString.Invariant($"an entry of the directory at byte {position}"), "other bytes");
        var entry = _file.Slice(position, 46);
        var (flags, method, crc) = (U16(entry[8..]), U16(entry[10..]), U32(entry[16..]));
        var (nameLength, extraLength, commentLength) = (U16(entry[28..]), U16(entry[30..]), U16(entry[32..]));
        var next = position + 46 + nameLength + extraLength + commentLength;
        Require(next <= end, "an entry within the directory", "a longer one");
        var name = Encoding.UTF8.GetString(_file.Slice(position + 46, nameLength));
        Require(method == 0 && (flags & 1) == 0, $"'{name}' stored as it is, as torch.save does", FormattableString.Invariant($"it compressed by method {method}{((flags & 1) != 0 ? " and encrypted" : string.Empty)}"));
        var (packed, length, header) = Sizes(entry, _file.Slice(position + 46 + nameLength, extraLength), name);
        Require(packed == length, FormattableString.Invariant($"'{name}' stored in its {length} bytes"), FormattableString.Invariant($"{packed}"));
        var offset = DataOffset(name, header);
        Require(offset <= _file.Length - length, FormattableString.Invariant($"the {length} bytes of '{name}' within the file"), FormattableString.Invariant($"they begin at byte {offset} of {_file.Length}"));
        Require(_records.TryAdd(name, new ZipRecord(name, offset, length, crc)), $"'{name}' once", "it twice");
        return next;
    }

    // What does not fit into 32 bits stands among the extra fields.
    private (long Packed, long Length, long Header) Sizes(ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra, string name)
    {
        var (packed, length, header) = ((long)U32(entry[20..]), (long)U32(entry[24..]), (long)U32(entry[42..]));
        while (extra.Length >= 4)
        {
            var size = U16(extra[2..]);
            Require(size <= extra.Length - 4, $"whole extra fields of '{name}'", "a part of one");
            var field = extra.Slice(4, size);
            if (U16(extra) == 1)
            {
                Take(ref length, ref field);
                Take(ref packed, ref field);
                Take(ref header, ref field);
            }

            extra = extra[(4 + size)..];
        }

        return (packed, length, header);

        void Take(ref long value, ref ReadOnlySpan<byte> field)
        {
            if (value == uint.MaxValue && field.Length >= 8)
            {
                value = U64(field);
                field = field[8..];
            }
        }
    }

    private long DataOffset(string name, long header)
    {
        Require(header >= 0 && header <= _file.Length - 30 && U32(_file.Slice(header, 4)) == 0x04034b50, $"'{name}' at its place in the archive", FormattableString.Invariant($"something else at byte {header}"));
        var local = _file.Slice(header, 30);
        var nameLength = U16(local[26..]);
        Require(
            header + 30 + nameLength <= _file.Length && Encoding.UTF8.GetString(_file.Slice(header + 30, nameLength)) == name,
            $"'{name}' at its place in the archive",
            "another name");
        return header + 30 + nameLength + U16(local[28..]);
    }

    private void Require(bool condition, string expected, string found)
    {
        if (!condition)
        {
            throw Fail(expected, found);
        }
    }

    private WeightFileException Fail(string expected, string found) => new(_file.FilePath, null, WeightFileException.Shortened(expected), found);

    private static int U16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint U32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    // What does not fit a file anyway becomes the largest number.
    private static long U64(ReadOnlySpan<byte> bytes) => (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(bytes), long.MaxValue);
}

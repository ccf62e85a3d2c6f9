using System.Buffers.Binary;
using IsVit.Core.Models.WeightFiles.PyTorch;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Makes the checksums of an archive's files fit what they hold, as somebody would who changed them on purpose.</summary>
internal static class ZipChecksums
{
    private const int DirectoryBytes = 46;
    private const int LocalBytes = 30;

    /// <summary>Writes them anew, as far as the directory can be followed.</summary>
    /// <param name="file">The archive.</param>
    /// <returns>Whether any was found.</returns>
    public static bool Renew(Span<byte> file)
    {
        var found = false;
        for (var at = file.IndexOf("PK\x01\x02"u8); at >= 0 && at + DirectoryBytes <= file.Length;)
        {
            var (length, offset) = (BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 24)..]), BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 42)..]));
            if ((long)offset + LocalBytes <= file.Length)
            {
                var local = file[(int)offset..];
                var data = LocalBytes + BinaryPrimitives.ReadUInt16LittleEndian(local[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(local[28..]);
                if (data + (long)length <= local.Length)
                {
                    var crc = Crc32.Append(0, local.Slice(data, (int)length));
                    BinaryPrimitives.WriteUInt32LittleEndian(file[(at + 16)..], crc);
                    BinaryPrimitives.WriteUInt32LittleEndian(local[14..], crc);
                    found = true;
                }
            }

            var next = file[(at + 4)..].IndexOf("PK\x01\x02"u8);
            at = next < 0 ? -1 : at + 4 + next;
        }

        return found;
    }
}

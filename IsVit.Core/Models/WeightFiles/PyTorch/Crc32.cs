namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>The checksum of zip archives (CRC-32, polynomial 0xedb88320), eight bytes at a time.</summary>
internal static class Crc32
{
    private static readonly uint[] Tables = Make();

    /// <summary>Goes on with a checksum.</summary>
    /// <param name="crc">The checksum of what came before; 0 at the start.</param>
    /// <param name="bytes">What comes now.</param>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        var tables = Tables;
        crc = ~crc;
        while (bytes.Length >= 8)
        {
            var low = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc;
            var high = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = tables[0x700 + (low & 0xff)] ^ tables[0x600 + ((low >> 8) & 0xff)] ^ tables[0x500 + ((low >> 16) & 0xff)] ^ tables[0x400 + (low >> 24)]
                ^ tables[0x300 + (high & 0xff)] ^ tables[0x200 + ((high >> 8) & 0xff)] ^ tables[0x100 + ((high >> 16) & 0xff)] ^ tables[high >> 24];
            bytes = bytes[8..];
        }

        foreach (var next in bytes)
        {
            crc = tables[(crc ^ next) & 0xff] ^ (crc >> 8);
        }

        return ~crc;
    }

    // Table n holds what a byte does n bytes later.
    private static uint[] Make()
    {
        var tables = new uint[8 * 256];
        for (var i = 0; i < 256; i++)
        {
            var value = (uint)i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ 0xedb88320 : value >> 1;
            }

            tables[i] = value;
        }

        for (var i = 256; i < tables.Length; i++)
        {
            tables[i] = tables[tables[i - 256] & 0xff] ^ (tables[i - 256] >> 8);
        }

        return tables;
    }
}

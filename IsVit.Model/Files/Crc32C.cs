using System.Buffers.Binary;
using System.Numerics;

namespace IsVit.Model.Files;

/// <summary>CRC-32C (Castagnoli, as in RFC 3720): finds every change of up to 32 neighbouring bits, and others but for one in 2^32.</summary>
internal struct Crc32C
{
    private uint _inverted;

    /// <summary>Bytes that come one after the other.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        var crc = ~_inverted;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        _inverted = ~crc;
    }

    /// <summary>The checksum of all that was appended.</summary>
    public readonly uint Value => _inverted;
}
